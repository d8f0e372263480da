//! `xml_documents` scanner: a stream of documents, each a message.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sluice_bloblang::formats::xml;
use sluice_config::config;
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

use super::boundaries::Boundaries;
use crate::limits::MAX_GROWTH;

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("xml_documents", build).doc(
        "Makes an object of each XML document of a stream, by the rules of the processor `xml`. \
         A broken document ends the stream.",
    );
}

config! {
    /// What to do with documents.
    struct XmlDocumentsConfig {
        /// What to do.
        operator: String = "" => options("to_json"),
        /// Accepted for documents written for the reference engine, whose scanner leaves all
        /// values text whatever this says, and so does this one. The processor `xml` casts.
        cast: bool = false,
    }
}

struct XmlDocuments;

fn build(config: XmlDocumentsConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    super::check_operator(&config.operator)?;
    Ok(Arc::new(XmlDocuments))
}

impl Scanner for XmlDocuments {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Documents::default()))
    }
}

#[derive(Default)]
struct Documents {
    pending: BytesMut,
    /// How much of `pending` was looked at.
    seen: usize,
    boundaries: Boundaries,
}

impl Scan for Documents {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.pending.extend_from_slice(&chunk);
        while self.seen < self.pending.len() {
            let byte = self.pending[self.seen];
            self.seen += 1;
            if self.boundaries.step(byte) {
                let document = self.pending.split_to(self.seen);
                self.seen = 0;
                let value = xml::parse(&document, false).map_err(ScanError)?;
                out.push(Message::from_value(value));
            }
        }
        if self.pending.len() > MAX_GROWTH {
            return Err(ScanError(format!("XML document is longer than {MAX_GROWTH} bytes")));
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<Message>) -> Result<(), ScanError> {
        if self.boundaries.is_between() {
            return Ok(());
        }
        // Its reader knows best what is missing.
        match xml::parse(&self.pending, false) {
            Err(error) => Err(ScanError(error)),
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) -> Result<(), ScanError> {
        let mut result = Ok(());
        for size in [1, 2, 5, 1000] {
            let mut scan = Documents::default();
            let mut out = Vec::new();
            result = text
                .as_bytes()
                .chunks(size)
                .try_for_each(|chunk| scan.feed(Bytes::copy_from_slice(chunk), &mut out))
                .and_then(|()| scan.end(&mut out));
            let found: Vec<_> =
                out.iter().map(|it| String::from_utf8_lossy(it.bytes()).into_owned()).collect();
            assert_eq!(found, expected, "chunks of {size}");
        }
        result
    }

    #[test]
    fn documents_follow_each_other() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"]>\">]><a>1</a> \n\
                    <!-- <b> --><b/><c x='>'><d><![CDATA[</c>]]></d></c>\n";
        let expected = [r#"{"a":"1"}"#, r#"{"b":""}"#, r#"{"c":{"-x":">","d":"</c>"}}"#];
        check(text, &expected).unwrap();
        check("  ", &[]).unwrap();
    }

    #[test]
    fn a_broken_document_ends_the_stream() {
        assert!(check("<a>1</a><b>", &[r#"{"a":"1"}"#]).is_err());
        assert!(check("<a>1</a><b><?xml version=\"2\"?></b><c/>", &[r#"{"a":"1"}"#]).is_err());
        assert!(check("<a", &[]).is_err());
    }
}
