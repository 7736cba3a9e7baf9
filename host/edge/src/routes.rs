//! Routes, matched as Spin matches them (Spin: "The HTTP Trigger", "Mapping a Route").
//!
//! A pattern is a path of segments: text that must be equal, `:name` for any one segment, and a
//! trailing `/...` for any rest, the empty one included. Of the patterns that match a path the most
//! specific wins: compared segment by segment, text before `:name` before `...`. A slash at the end
//! of the path makes no difference to whether a pattern matches.

use std::cmp::Ordering;
use std::fmt;

/// Why a route was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// `...` stands elsewhere than as the last segment.
    #[error("\"...\" can only be the last segment")]
    WildcardInside,
    /// `:` without a name, or a name with characters that a header name does not take.
    #[error("a parameter is \":\" and a name of letters, digits, \"-\" and \"_\"")]
    ParameterName,
    /// The same parameter twice.
    #[error("the parameter \":{0}\" is there twice")]
    DuplicateParameter(String),
    /// A query, a fragment or an empty segment.
    #[error("a route is a path without empty segments, \"?\" or \"#\"")]
    NotAPath,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    Parameter(String),
}

/// A parsed route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    written: String,
    segments: Vec<Segment>,
    wildcard: bool,
}

/// What a path said to the pattern that it matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    /// The values of the pattern's parameters, in its order.
    pub parameters: Vec<&'p str>,
    /// With a trailing wildcard: what it stood for, with its leading slash, as Spin's
    /// `spin-path-info`; otherwise empty.
    pub path_info: &'p str,
}

impl RoutePattern {
    /// Parses a route as `spin.toml` has it. A missing leading slash is added, a trailing one is
    /// ignored.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        if text.contains(['?', '#', '{', '}']) {
            return Err(RouteError::NotAPath);
        }
        let path = text.strip_prefix('/').unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        let (path, wildcard) = match path {
            "..." | "*" => ("", true),
            _ => match path
                .strip_suffix("/...")
                .or_else(|| path.strip_suffix("/*"))
            {
                Some(path) => (path, true),
                None => (path, false),
            },
        };
        let mut segments = Vec::new();
        let mut names = Vec::new();
        for part in path.split('/').filter(|_| !path.is_empty()) {
            segments.push(match part.strip_prefix(':') {
                _ if part.is_empty() => return Err(RouteError::NotAPath),
                _ if part == "..." || part == "*" => return Err(RouteError::WildcardInside),
                Some(name) if names.contains(&name) => {
                    return Err(RouteError::DuplicateParameter(name.to_owned()));
                }
                Some(name) if is_parameter_name(name) => {
                    names.push(name);
                    Segment::Parameter(name.to_owned())
                }
                Some(_) => return Err(RouteError::ParameterName),
                None => Segment::Text(part.to_owned()),
            });
        }
        let written = if text.starts_with('/') {
            text.to_owned()
        } else {
            format!("/{text}")
        };
        Ok(Self {
            written,
            segments,
            wildcard,
        })
    }

    /// The route as it was written, with a leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The route without a trailing `/...`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.written.strip_suffix("/...").unwrap_or(&self.written)
    }

    /// The names of its parameters, in order.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }

    /// Whether `other` matches exactly the paths that this matches, with the same precedence.
    #[must_use]
    pub fn same_paths(&self, other: &Self) -> bool {
        let shape = |pattern: &Self| {
            let segments: Vec<Option<String>> = pattern
                .segments
                .iter()
                .map(|segment| match segment {
                    Segment::Text(text) => Some(text.clone()),
                    Segment::Parameter(_) => None,
                })
                .collect();
            (segments, pattern.wildcard)
        };
        shape(self) == shape(other)
    }

    /// Matches a path (without the query).
    #[must_use]
    pub fn captures<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        // What is left when the wildcard begins, with the slash before it.
        let mut tail = path;
        let mut parameters = Vec::new();
        for segment in &self.segments {
            let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
            match segment {
                Segment::Text(text) if text == part => {}
                Segment::Parameter(_) if !part.is_empty() => parameters.push(part),
                Segment::Text(_) | Segment::Parameter(_) => return None,
            }
            tail = rest.get(part.len()..).unwrap_or("");
            rest = after;
        }
        let path_info = match (self.wildcard, tail) {
            (true, tail) => tail,
            (false, "" | "/") => "",
            (false, _) => return None,
        };
        Some(Captures {
            parameters,
            path_info,
        })
    }

    /// The more specific of two patterns comes first.
    fn by_precedence(&self, other: &Self) -> Ordering {
        let rank = |pattern: &Self, index: usize| match pattern.segments.get(index) {
            Some(Segment::Text(_)) => 0,
            Some(Segment::Parameter(_)) => 1,
            None if pattern.wildcard => 3,
            None => 2,
        };
        let longest = self.segments.len().max(other.segments.len());
        (0..=longest)
            .map(|index| rank(self, index).cmp(&rank(other, index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A parameter's name becomes part of a header's name (`spin-path-match-NAME`).
fn is_parameter_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The routes of one listener; `T` is what a route leads to.
#[derive(Clone, Debug)]
pub struct RouteTable<T> {
    routes: Vec<(RoutePattern, T)>,
}

impl<T> RouteTable<T> {
    /// Sorts the routes by precedence.
    #[must_use]
    pub fn new(mut routes: Vec<(RoutePattern, T)>) -> Self {
        routes.sort_by(|(a, _), (b, _)| a.by_precedence(b));
        Self { routes }
    }

    /// The most specific route that matches a path (without the query), what it leads to, and
    /// what it captured.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<(&RoutePattern, &T, Captures<'p>)> {
        self.routes.iter().find_map(|(pattern, to)| {
            pattern
                .captures(path)
                .map(|captures| (pattern, to, captures))
        })
    }

    /// Every route and what it leads to, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &(RoutePattern, T)> {
        self.routes.iter()
    }
}

#[cfg(test)]
mod tests;
