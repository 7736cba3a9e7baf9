//! `mail`: a page and a search in a large mailbox, how fast mail comes in, how long a change takes to those who listen,
//! and what listening costs.

mod arriving;
pub mod calls;
mod fts;
pub mod letters;
pub mod listening;
pub mod pushing;
mod reading;

use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Result;

use crate::options::Options;
use crate::report::Report;
use crate::servers::{concierge, memory};
use arriving::{Importer, Target};
use calls::Client;
use fts::FullText;
use letters::Letters;
use reading::Mailbox;

/// Options of `mail`.
#[derive(clap::Args)]
pub struct MailOptions {
    /// Messages in the large mailbox.
    #[arg(long, default_value_t = 100_000)]
    letters: u64,
    /// Messages that come in by each way in each round.
    #[arg(long, default_value_t = 2_000)]
    arriving: usize,
    /// Changes of which those who listen are told.
    #[arg(long, default_value_t = 500)]
    changes: u32,
    /// Idle connections of those who listen.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000])]
    listeners: Vec<usize>,
    /// Numbers of connections that read and search.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    clients: Vec<usize>,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = What::ALL)]
    what: Vec<What>,
    /// Another program that imports mail, in the same rounds: NAME=COMMAND, for a shell, with {} for an mbox file.
    #[arg(long = "importer", value_name = "IMPORTER", value_parser = arriving::importer)]
    importers: Vec<Importer>,
    /// Measure the baselines only.
    #[arg(long)]
    without_concierge: bool,
}

/// Parts of the benchmark.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
enum What {
    Arriving,
    Reading,
    Searching,
    Pushing,
    Listening,
}

impl What {
    const ALL: [Self; 5] = [
        Self::Arriving,
        Self::Reading,
        Self::Searching,
        Self::Pushing,
        Self::Listening,
    ];
}

/// Messages in the small mailbox, which the large one is compared with.
const SMALL: u64 = 100;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures, and says what came out.
pub fn run(options: &Options, of_mail: &MailOptions) -> Result<Report> {
    let mut report = Report::new("mail");
    let letters = options.pick(of_mail.letters, of_mail.letters.min(500));
    let arriving = (
        options.pick(of_mail.arriving, of_mail.arriving.min(100)),
        options.pick(3, 1),
        options.seed,
    );
    let wants = |what| of_mail.what.contains(&what);
    let dir = options.temporary()?;
    let full_text = match wants(What::Searching) {
        true => Some(FullText::fill(
            &dir.path().join("baseline.db"),
            letters,
            options.seed,
        )?),
        false => None,
    };
    if of_mail.without_concierge {
        arriving::measure(dir.path(), None, &of_mail.importers, arriving, &mut report)?;
        if let Some(full_text) = &full_text {
            reading::baseline(options, full_text, &mut report)?;
        }
        return Ok(report);
    }

    let binary = concierge::binary(options.bin.as_deref())?;
    let server = concierge::start(&binary, dir.path(), &[])?;
    let target = |name: &'static str| -> Result<Target<'_>> {
        Ok(Target {
            binary: &binary,
            dir: dir.path(),
            client: Client::create(&binary, dir.path(), server.address("web")?, name)?,
            name,
        })
    };
    if wants(What::Arriving) {
        let target = target("arriving")?;
        arriving::measure(
            dir.path(),
            Some(&target),
            &of_mail.importers,
            arriving,
            &mut report,
        )?;
    }
    if wants(What::Reading) || wants(What::Searching) || wants(What::Pushing) {
        let small = filled(&target("small")?, SMALL, options.seed, &mut report)?;
        let large = filled(&target("large")?, letters, options.seed, &mut report)?;
        let (clients, pid) = (&of_mail.clients, server.pid());
        if wants(What::Reading) {
            reading::pages(options, clients, pid, &small, &large, &mut report)?;
        }
        if let Some(full_text) = &full_text {
            reading::searches(options, clients, pid, (full_text, &large), &mut report)?;
        }
        if wants(What::Pushing) {
            let changes = options.pick(of_mail.changes, of_mail.changes.min(20));
            pushing::measure(&large.client, changes, &mut report)?;
        }
        let memory = memory::of_process(pid)?;
        for (what, bytes) in [
            ("memory of the server with all that", memory.resident),
            ("of which belongs to no file", memory.anonymous),
        ] {
            report.fact(what, bytes as f64 / MIB, "MiB");
        }
    }
    drop(server);
    if wants(What::Listening) {
        let quick = [20];
        let counts: &[usize] = options.pick(&of_mail.listeners, &quick);
        listening::measure(options, &binary, counts, &mut report)?;
    }
    Ok(report)
}

/// Fills a mailbox, and checks what is read and found in it.
fn filled(target: &Target<'_>, letters: u64, seed: u64, report: &mut Report) -> Result<Mailbox> {
    eprintln!("importing {letters} messages");
    let mbox = target.dir.join(format!("{}.mbox", target.name));
    write_mbox(&mbox, letters, seed, target.name)?;
    let seconds = arriving::import(target, &mbox, letters)?;
    let size = std::fs::metadata(&mbox)?.len();
    std::fs::remove_file(&mbox)?;
    report.fact(
        format!(
            "import: {letters} messages of {:.1} KiB",
            size as f64 / 1024.0 / letters as f64
        ),
        letters as f64 / seconds,
        "messages/s",
    );
    let mailbox = Mailbox {
        name: format!("{letters} messages"),
        client: target.client.clone(),
        letters,
    };
    mailbox.check()?;
    Ok(mailbox)
}

/// Writes letters to an mbox file (RFC 4155).
fn write_mbox(path: &Path, letters: u64, seed: u64, run: &str) -> Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut made = Letters::new(seed, run);
    for _ in 0..letters {
        let received = made.received().strftime("%a %b %e %H:%M:%S %Y").to_string();
        writeln!(file, "From bench@example.org {received}")?;
        file.write_all(made.letter().as_bytes())?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}
