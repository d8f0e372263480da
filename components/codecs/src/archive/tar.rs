//! Tape archives: read file by file as bytes arrive, written in one go.
//!
//! Names longer than the format's 100 bytes are understood in all forms that are in use (POSIX
//! extended headers, GNU long names, a prefix), and written as extended headers.

use ::tar::{Builder, EntryType, Header, PaxExtensions};
use bytes::{Bytes, BytesMut};

use super::is_local;
use crate::limits::MAX_GROWTH;

const BLOCK: usize = 512;
/// Longest extended header. Only names are taken from them.
const MAX_EXTENSION: u64 = 1 << 20;

/// A file of an archive. Directories and links are files without content.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Bytes,
}

/// Writes an archive of files by name and content.
pub(super) fn pack(files: &[(String, Bytes)], modified: u64) -> Result<Vec<u8>, String> {
    let mut archive = Builder::new(Vec::new());
    let failed = |error: std::io::Error| error.to_string();
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o666);
        header.set_mtime(modified);
        header.set_size(content.len() as u64);
        let field = &mut header.as_old_mut().name;
        if name.len() > field.len() || !name.is_ascii() {
            let path = [("path", name.as_bytes())];
            archive.append_pax_extensions(path).map_err(failed)?;
        }
        let length = name.len().min(field.len());
        field[..length].copy_from_slice(&name.as_bytes()[..length]);
        header.set_cksum();
        archive.append(&header, &content[..]).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

/// All files of an archive.
pub(super) fn unpack(content: &Bytes) -> Result<Vec<File>, String> {
    let mut reader = Reader::default();
    reader.feed(content);
    let mut files = Vec::new();
    while let Some(file) = reader.next()? {
        files.push(file);
    }
    reader.end()?;
    Ok(files)
}

/// Reads an archive that arrives in chunks.
#[derive(Default)]
pub(super) struct Reader {
    pending: BytesMut,
    state: State,
    /// The name that an extended header gave the next file.
    long_name: Option<Vec<u8>>,
}

#[derive(Default)]
enum State {
    /// A header comes next.
    #[default]
    Header,
    /// A block of zeros came; another one ends the archive.
    Ending,
    /// So many bytes of content come next.
    Content {
        kind: Kind,
        size: usize,
        /// The name that the header itself gave.
        name: Vec<u8>,
    },
    Ended,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    /// What an extended header says of the next file.
    Extension,
    LongName,
    /// What an extended header says of all files, or the name of a link.
    Ignored,
}

impl Reader {
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if !matches!(self.state, State::Ended) {
            self.pending.extend_from_slice(chunk);
        }
    }

    /// The next file that is complete; `None` when more must arrive first, or at the end.
    ///
    /// # Errors
    /// What arrived is no archive. There is no going on after it.
    pub(super) fn next(&mut self) -> Result<Option<File>, String> {
        loop {
            match &mut self.state {
                State::Ended => {
                    self.pending.clear();
                    return Ok(None);
                }
                State::Header | State::Ending => {
                    let Some(block) = self.pending.first_chunk::<BLOCK>() else {
                        return Ok(None);
                    };
                    self.state = self.header(block)?;
                    let _ = self.pending.split_to(BLOCK);
                }
                State::Content { kind, size, name } => {
                    let (kind, size, name) = (*kind, *size, std::mem::take(name));
                    let padded = size.next_multiple_of(BLOCK);
                    if self.pending.len() < padded {
                        self.state = State::Content { kind, size, name };
                        return Ok(None);
                    }
                    let mut content = self.pending.split_to(padded).freeze();
                    content.truncate(size);
                    self.state = State::Header;
                    match kind {
                        Kind::File => return self.file(name, content).map(Some),
                        Kind::Extension => self.extension(&content)?,
                        Kind::LongName => {
                            let end = memchr::memchr(0, &content).unwrap_or(content.len());
                            self.long_name = Some(content[..end].to_vec());
                        }
                        Kind::Ignored => {}
                    }
                }
            }
        }
    }

    /// The archive arrived as a whole.
    ///
    /// # Errors
    /// It ends in the middle of a file.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.state {
            State::Ended => Ok(()),
            State::Header | State::Ending if self.pending.is_empty() => Ok(()),
            _ => Err("unexpected EOF".into()),
        }
    }

    fn header(&self, block: &[u8; BLOCK]) -> Result<State, String> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(match self.state {
                State::Ending => State::Ended,
                _ => State::Ending,
            });
        }
        let header = Header::from_byte_slice(block);
        if matches!(self.state, State::Ending) || !has_checksum(header, block) {
            return Err(invalid());
        }
        let size = header.entry_size().map_err(|_| invalid())?;
        let name = header.path_bytes().into_owned();
        let (kind, limit) = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous => (Kind::File, MAX_GROWTH as u64),
            EntryType::XHeader => (Kind::Extension, MAX_EXTENSION),
            EntryType::GNULongName => (Kind::LongName, MAX_EXTENSION),
            EntryType::XGlobalHeader | EntryType::GNULongLink => (Kind::Ignored, MAX_EXTENSION),
            EntryType::GNUSparse => {
                return Err("archive/tar: sparse files are not supported".into());
            }
            // Whatever size these claim, no content follows.
            _ => return Ok(State::Content { kind: Kind::File, size: 0, name }),
        };
        if size > limit {
            return Err(format!("archive/tar: file of {size} bytes exceeds the limit of {limit}"));
        }
        Ok(State::Content { kind, size: size as usize, name })
    }

    fn extension(&mut self, content: &[u8]) -> Result<(), String> {
        for extension in PaxExtensions::new(content) {
            let extension = extension.map_err(|_| invalid())?;
            match extension.key_bytes() {
                b"path" => self.long_name = Some(extension.value_bytes().to_vec()),
                // The header's own size would be wrong then.
                b"size" => return Err("archive/tar: files beyond 8 GiB are not supported".into()),
                key if key.starts_with(b"GNU.sparse") => {
                    return Err("archive/tar: sparse files are not supported".into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, name: Vec<u8>, content: Bytes) -> Result<File, String> {
        let name = self.long_name.take().unwrap_or(name);
        let name = String::from_utf8_lossy(&name).into_owned();
        if !is_local(&name) {
            return Err(format!("archive/tar: insecure file path: {name:?}"));
        }
        Ok(File { name, content })
    }
}

/// Whether the header's sum is right. Some old programs added its bytes as signed numbers.
fn has_checksum(header: &Header, block: &[u8; BLOCK]) -> bool {
    let Ok(expected) = header.cksum() else { return false };
    let own = 148..156;
    let bytes =
        || block.iter().enumerate().map(|(at, byte)| if own.contains(&at) { b' ' } else { *byte });
    let unsigned: u32 = bytes().map(u32::from).sum();
    let signed: i32 = bytes().map(|byte| i32::from(byte.cast_signed())).sum();
    expected == unsigned || i64::from(expected) == i64::from(signed)
}

fn invalid() -> String {
    "archive/tar: invalid tar header".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<(String, Bytes)> {
        let long = format!("dir/{}/né.txt", "x".repeat(200));
        [("a.txt", "one"), ("", "no name"), (&long, ""), ("b", &"y".repeat(2000))]
            .map(|(name, content)| (name.to_owned(), Bytes::copy_from_slice(content.as_bytes())))
            .to_vec()
    }

    #[test]
    fn files_come_back_whatever_the_chunks() {
        let archive = pack(&sample(), 1).unwrap();
        for size in [1, 100, 512, 700, 100_000] {
            let mut reader = Reader::default();
            let mut files = Vec::new();
            for chunk in archive.chunks(size) {
                reader.feed(chunk);
                while let Some(file) = reader.next().unwrap() {
                    files.push((file.name, file.content));
                }
            }
            reader.end().unwrap();
            assert_eq!(files, sample(), "chunks of {size}");
        }
    }

    #[test]
    fn a_cut_archive_is_noticed() {
        let archive = Bytes::from(pack(&sample(), 1).unwrap());
        for length in [1, 511, 513, 1000, 2100] {
            let error = unpack(&archive.slice(..length)).unwrap_err();
            assert_eq!(error, "unexpected EOF", "{length}");
        }
    }

    #[test]
    fn hostile_archives_are_refused() {
        let escape = [("../../etc/cron.d/x".to_owned(), Bytes::from_static(b"x"))];
        let error = unpack(&pack(&escape, 1).unwrap().into()).unwrap_err();
        assert!(error.starts_with("archive/tar: insecure file path"), "{error}");
        let mut header = Header::new_gnu();
        header.set_size(u64::MAX);
        header.set_cksum();
        let error = unpack(&Bytes::copy_from_slice(header.as_bytes())).unwrap_err();
        assert!(error.contains("exceeds the limit"), "{error}");
    }

    #[test]
    fn broken_archives_are_refused() {
        let archive = pack(&sample(), 1).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut broken = archive.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..broken.len());
                broken[at] = random.u8(..);
            }
            broken.truncate(random.usize(..=broken.len()));
            let _ = unpack(&broken.into());
        }
    }
}
