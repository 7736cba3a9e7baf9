//! The reference page, written from the declarations.

use std::fmt::Write as _;

use super::load::BOOTSTRAP_VARIABLES;
use super::settings::{Config, SETTINGS};

const INTRODUCTION: &str = "\
# Configuration

This page is written by `concierge config --reference`.

A setting has one name everywhere: `volume_size` in `concierge.toml` is the variable
`CONCIERGE_VOLUME_SIZE` and the flag `--volume-size`. A flag wins over the environment, the environment
over the file. `concierge.toml` is read from the current directory; `--config FILE` or `CONCIERGE_CONFIG`
names another, and relative paths in it are relative to where it is. Keys that do not exist are an error,
and variables that do not a warning.
Settings that hold several values are a table or an array in the file, a flag that may be repeated, and in
the environment a list with `;` between.

`concierge config` prints the settings as they are in effect, and where each came from.
";

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let defaults = Config::default();
    let mut page = String::from(INTRODUCTION);
    for setting in SETTINGS {
        let default = match defaults.value(setting.key) {
            Some(value) => format!("`{value}`"),
            None => "not set".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {key}\n\n{text}\n\n- default: {default}\n- flag: `--{flag} {placeholder}`{again}\n- environment: `{variable}`\n",
            key = setting.key,
            text = setting.text(),
            flag = setting.flag,
            placeholder = setting.placeholder,
            again = if setting.many {
                ", which may be repeated"
            } else {
                ""
            },
            variable = setting.variable(),
        );
    }
    let _ = write!(
        page,
        "\n## The first start\n\n\
         The first start makes an administrator with a password and an access key, shows both once and keeps them in\n\
         `credentials` in the data directory. Where they are set, it takes the name from `{}`, the password\n\
         from `{}` and the key from `{}` and `{}`.\n",
        BOOTSTRAP_VARIABLES[0],
        BOOTSTRAP_VARIABLES[1],
        BOOTSTRAP_VARIABLES[2],
        BOOTSTRAP_VARIABLES[3],
    );
    page
}
