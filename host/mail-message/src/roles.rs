//! Which parts are the text of a message, and which are attached (RFC 8621 §4.1.4, the algorithm at its end).

use crate::structure::Node;

/// In which of JMAP's lists a part is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) in_text_body: bool,
    pub(crate) in_html_body: bool,
    pub(crate) in_attachments: bool,
}

/// The roles of the parts of a message, in their order.
pub(crate) fn assign(nodes: &[Node]) -> Vec<Role> {
    let mut assignment = Assignment {
        nodes,
        roles: vec![Role::default(); nodes.len()],
        text: Vec::new(),
        html: Vec::new(),
    };
    let open = Lists {
        text: true,
        html: true,
    };
    assignment.level(0, 0, "mixed", false, open);
    assignment.roles
}

/// Which lists still take parts. In an alternative one of them is closed when the other has found its part.
#[derive(Clone, Copy)]
struct Lists {
    text: bool,
    html: bool,
}

struct Assignment<'a> {
    nodes: &'a [Node],
    roles: Vec<Role>,
    text: Vec<usize>,
    html: Vec<usize>,
}

impl Assignment<'_> {
    /// The parts of one multipart, of which the first is at `at`; gives the part behind the last.
    ///
    /// Calls itself, as deep as parts lie in each other (`NESTING_MAX`).
    fn level(
        &mut self,
        mut at: usize,
        depth: u32,
        multipart: &str,
        in_alternative: bool,
        mut lists: Lists,
    ) -> usize {
        let nodes = self.nodes;
        let (texts, htmls) = (self.text.len(), self.html.len());
        let is_alternative = multipart == "alternative";
        let mut is_first = true;
        while let Some(node) = nodes.get(at).filter(|node| node.depth == depth) {
            let inner = node.content.media_type.strip_prefix("multipart/");
            if let Some(inner) = inner.filter(|_| node.is_multipart()) {
                let in_alternative = in_alternative || inner == "alternative";
                at = self.level(at + 1, depth + 1, inner, in_alternative, lists);
            } else {
                if is_inline(node, is_first, multipart) {
                    self.inline(at, node, is_alternative, in_alternative, &mut lists);
                } else {
                    self.attach(at);
                }
                at += 1;
            }
            is_first = false;
        }
        if is_alternative && lists.text && lists.html {
            self.share(texts, htmls);
        }
        at
    }

    fn inline(
        &mut self,
        at: usize,
        node: &Node,
        is_alternative: bool,
        in_alternative: bool,
        lists: &mut Lists,
    ) {
        let media_type = node.content.media_type.as_str();
        if is_alternative {
            match media_type {
                "text/plain" => self.add_text(at),
                "text/html" => self.add_html(at),
                _ => self.attach(at),
            }
            return;
        }
        if in_alternative {
            lists.html &= media_type != "text/plain";
            lists.text &= media_type != "text/html";
        }
        if lists.text {
            self.add_text(at);
        }
        if lists.html {
            self.add_html(at);
        }
        if !(lists.text && lists.html) && is_media(media_type) {
            self.attach(at);
        }
    }

    /// Where an alternative has only one of the two, it serves for both.
    fn share(&mut self, texts: usize, htmls: usize) {
        let no_text = texts == self.text.len();
        let no_html = htmls == self.html.len();
        if no_text && !no_html {
            for at in self.html.split_off(htmls) {
                self.html.push(at);
                self.add_text(at);
            }
        } else if no_html && !no_text {
            for at in self.text.split_off(texts) {
                self.text.push(at);
                self.add_html(at);
            }
        }
    }

    fn add_text(&mut self, at: usize) {
        self.text.push(at);
        if let Some(role) = self.roles.get_mut(at) {
            role.in_text_body = true;
        }
    }

    fn add_html(&mut self, at: usize) {
        self.html.push(at);
        if let Some(role) = self.roles.get_mut(at) {
            role.in_html_body = true;
        }
    }

    fn attach(&mut self, at: usize) {
        if let Some(role) = self.roles.get_mut(at) {
            role.in_attachments = true;
        }
    }
}

/// Whether a part is a body part rather than an attachment.
fn is_inline(node: &Node, is_first: bool, multipart: &str) -> bool {
    let content = &node.content;
    let media_type = content.media_type.as_str();
    let can_be = matches!(media_type, "text/plain" | "text/html") || is_media(media_type);
    content.disposition.as_deref() != Some("attachment")
        && can_be
        && (is_first || multipart != "related" && (is_media(media_type) || content.name.is_none()))
}

fn is_media(media_type: &str) -> bool {
    ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| media_type.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::scan;

    /// A multipart and its parts; `(type, disposition, parts)`.
    struct Sample(&'static str, &'static str, Vec<Sample>);

    fn written(sample: &Sample, out: &mut String, count: &mut u32) {
        *count += 1;
        let boundary = format!("b{count}");
        let Sample(media_type, disposition, parts) = sample;
        *out += &format!("Content-Type: {media_type}; boundary={boundary}\n");
        *out += &format!("Content-Disposition: {disposition}\n\n");
        for part in parts {
            *out += &format!("--{boundary}\n");
            written(part, out, count);
            *out += "\n";
        }
    }

    /// The lists, as numbers of leaves in preorder.
    fn lists(sample: &Sample) -> [Vec<usize>; 3] {
        let mut message = String::new();
        written(sample, &mut message, &mut 0);
        let nodes = scan(message.as_bytes());
        let roles = assign(&nodes);
        let leaves: Vec<Role> = nodes
            .iter()
            .zip(&roles)
            .filter(|(node, _)| !node.is_multipart())
            .map(|(_, role)| *role)
            .collect();
        let in_list = |is_in: fn(&Role) -> bool| {
            let numbers = leaves.iter().enumerate();
            numbers
                .filter(|(_, role)| is_in(role))
                .map(|(n, _)| n)
                .collect()
        };
        [
            in_list(|role| role.in_text_body),
            in_list(|role| role.in_html_body),
            in_list(|role| role.in_attachments),
        ]
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 8621 §4.1.4: parts A to K.
        let leaf = |media_type, disposition| Sample(media_type, disposition, Vec::new());
        let message = Sample(
            "multipart/mixed",
            "inline",
            vec![
                leaf("text/plain", "inline"),
                Sample(
                    "multipart/mixed",
                    "inline",
                    vec![
                        Sample(
                            "multipart/alternative",
                            "inline",
                            vec![
                                Sample(
                                    "multipart/mixed",
                                    "inline",
                                    vec![
                                        leaf("text/plain", "inline"),
                                        leaf("image/jpeg", "inline"),
                                        leaf("text/plain", "inline"),
                                    ],
                                ),
                                Sample(
                                    "multipart/related",
                                    "inline",
                                    vec![leaf("text/html", "inline"), leaf("image/jpeg", "inline")],
                                ),
                            ],
                        ),
                        leaf("image/jpeg", "attachment"),
                        leaf("application/x-excel", "inline"),
                        leaf("message/rfc822", "inline"),
                    ],
                ),
                leaf("text/plain", "inline"),
            ],
        );
        // A B C D E F G H J K in preorder.
        let [text, html, attached] = lists(&message);
        assert_eq!(text, [0, 1, 2, 3, 9]);
        assert_eq!(html, [0, 4, 9]);
        assert_eq!(attached, [2, 5, 6, 7, 8]);
    }

    #[test]
    fn one_alternative_serves_for_both() {
        let html = Sample(
            "multipart/alternative",
            "inline",
            vec![Sample("text/html", "inline", Vec::new())],
        );
        assert_eq!(lists(&html), [vec![0], vec![0], vec![]]);
        let text = Sample(
            "multipart/alternative",
            "inline",
            vec![
                Sample("text/plain", "inline", Vec::new()),
                Sample("text/calendar", "inline", Vec::new()),
            ],
        );
        assert_eq!(lists(&text), [vec![0], vec![0], vec![1]]);
    }

    #[test]
    fn a_single_part_is_text_or_attached() {
        let single = |media_type, disposition| lists(&Sample(media_type, disposition, Vec::new()));
        assert_eq!(single("text/html", "inline"), [vec![0], vec![0], vec![]]);
        assert_eq!(
            single("text/plain", "attachment"),
            [vec![], vec![], vec![0]]
        );
        assert_eq!(
            single("application/pdf", "inline"),
            [vec![], vec![], vec![0]]
        );
        assert_eq!(single("image/png", "inline"), [vec![0], vec![0], vec![]]);
    }
}
