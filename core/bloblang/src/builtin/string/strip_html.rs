//! `strip_html`: text without its markup.

use sluice_value::Value;

use super::{changed, escape_html::escaped};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "strip_html",
    &[Category::String],
    "The text of HTML without tags, comments, scripts and styles. Elements whose names are given \
     stay, but lose their attributes.",
    MethodCode::Prepare(strip_html),
)
.params(&[Param::array("preserve", "Names of elements to keep.").optional()])
.examples(&[
    Example::new(
        "root.text = this.html.strip_html()",
        &[(r#"{"html":"<p>the <b>old</b> text</p>"}"#, r#"{"text":"the old text"}"#)],
    ),
    Example::new(
        "root.text = this.html.strip_html([\"b\"])",
        &[(r#"{"html":"<p>the <b>old</b> text</p>"}"#, r#"{"text":"the <b>old</b> text"}"#)],
    ),
]);

fn strip_html(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let mut kept = Vec::new();
    for (at, item) in args.opt_array(0).into_iter().flatten().enumerate() {
        let name = item.as_str().ok_or_else(|| {
            Error::expected(&["string"], item).context(format!("invalid arg at index {at}"))
        })?;
        kept.push(name.to_lowercase());
    }
    Ok(PreparedMethod::new(move |value: &Value| changed(value, |html| stripped(html, &kept))))
}

fn stripped(html: &str, kept: &[String]) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&text(&rest[..at]));
        rest = &rest[at..];
        rest = match Tag::read(rest) {
            None => {
                out.push_str("&lt;");
                &rest[1..]
            }
            Some(tag) => {
                if kept.contains(&tag.name) {
                    out.push_str(&tag.without_attributes());
                }
                tag.rest_behind(rest)
            }
        };
    }
    out.push_str(&text(rest));
    out
}

/// Text between tags: entities are resolved and what must be one is written as one.
fn text(text: &str) -> String {
    escaped(&htmlize::unescape(text))
}

struct Tag {
    /// In small letters; empty for comments and declarations.
    name: String,
    is_end: bool,
    closes_itself: bool,
    length: usize,
}

impl Tag {
    /// The tag that the text begins with. A tag that never ends takes the rest of the text.
    fn read(text: &str) -> Option<Self> {
        if let Some(comment) = text.strip_prefix("<!--") {
            let length = comment.find("-->").map_or(text.len(), |at| at + 7);
            return Some(Self { name: String::new(), is_end: false, closes_itself: false, length });
        }
        let is_end = text[1..].starts_with('/');
        let name_at = if is_end { 2 } else { 1 };
        let first = text[name_at..].chars().next()?;
        let is_declaration = !is_end && matches!(first, '!' | '?');
        if !first.is_ascii_alphabetic() && !is_declaration {
            return None;
        }
        let length = end_of_tag(text);
        let inside = &text[name_at..length];
        let name = inside.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
        let name = if is_declaration { String::new() } else { name.to_lowercase() };
        Some(Self { name, is_end, closes_itself: inside.ends_with("/>"), length })
    }

    fn without_attributes(&self) -> String {
        let slash = if self.is_end { "/" } else { "" };
        let end = if self.closes_itself { "/" } else { "" };
        format!("<{slash}{}{end}>", self.name)
    }

    /// What follows the tag. Scripts and styles go with their content.
    fn rest_behind<'t>(&self, text: &'t str) -> &'t str {
        let rest = &text[self.length..];
        if self.is_end || !matches!(self.name.as_str(), "script" | "style") {
            return rest;
        }
        let end = format!("</{}", self.name);
        let lower = rest.to_ascii_lowercase();
        match lower.find(&end) {
            Some(at) => &rest[at + end_of_tag(&rest[at..])..],
            None => "",
        }
    }
}

/// Where the tag at the beginning ends; a `>` inside quotes does not count.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at + 1,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    text.len()
}
