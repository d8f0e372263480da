//! Zip archives, from and to memory.
//!
//! Only what every program writes: stored and deflated files, with or without 64-bit sizes. Unlike
//! the common libraries this keeps files of equal names apart, for messages need no names.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};

use super::is_local;
use crate::limits::Budget;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END_LENGTH: usize = 22;
const CENTRAL_LENGTH: usize = 46;
const LOCAL_LENGTH: usize = 30;
/// The comment behind the end record.
const MAX_COMMENT: usize = 0xffff;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Version 2.0 of the format, made on Unix.
const VERSION: u16 = 20;
const MADE_BY: u16 = 3 << 8 | VERSION;
/// A plain file that all may read and write.
const ATTRIBUTES: u32 = 0o100_666 << 16;
/// 1980-01-01, the earliest date there is: archives of equal messages are equal.
const DATE: u16 = 1 << 5 | 1;

/// A file of an archive.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Bytes,
}

/// Writes an archive of files by name and content.
///
/// # Errors
/// More or larger files than the format's 16 and 32 bits count.
pub(super) fn pack(files: &[(String, Bytes)]) -> Result<Vec<u8>, String> {
    let too_large = |_| "zip: archive is too large".to_owned();
    let count = u16::try_from(files.len()).map_err(|_| "zip: too many files")?;
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let name_length = u16::try_from(name.len()).map_err(|_| "zip: name is too long")?;
        let size = u32::try_from(content.len()).map_err(too_large)?;
        let offset = u32::try_from(out.len()).map_err(too_large)?;
        let mut sum = Crc::new();
        sum.update(content);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(content).and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| error.to_string())?;
        let packed_size = u32::try_from(packed.len()).map_err(too_large)?;
        // What the local and the central record of a file have in common.
        let mut record = Vec::with_capacity(LOCAL_LENGTH);
        for short in [VERSION, UTF8, DEFLATED, 0, DATE] {
            record.extend_from_slice(&short.to_le_bytes());
        }
        for long in [sum.sum(), packed_size, size] {
            record.extend_from_slice(&long.to_le_bytes());
        }
        record.extend_from_slice(&name_length.to_le_bytes());
        record.extend_from_slice(&[0; 2]);

        out.extend_from_slice(&LOCAL.to_le_bytes());
        out.extend_from_slice(&record);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&packed);

        directory.extend_from_slice(&CENTRAL.to_le_bytes());
        directory.extend_from_slice(&MADE_BY.to_le_bytes());
        directory.extend_from_slice(&record);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&ATTRIBUTES.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let offset = u32::try_from(out.len()).map_err(too_large)?;
    let size = u32::try_from(directory.len()).map_err(too_large)?;
    out.extend_from_slice(&directory);
    out.extend_from_slice(&END.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    Ok(out)
}

/// All files of an archive.
///
/// # Errors
/// The content is no archive, or one whose files are broken, encrypted or too large.
pub(super) fn unpack(content: &[u8]) -> Result<Vec<File>, String> {
    let (count, offset) = directory_of(content).ok_or_else(invalid)?;
    let mut records = content.get(offset..).ok_or_else(invalid)?;
    let mut budget = Budget::default();
    let mut files = Vec::new();
    for _ in 0..count {
        let (record, rest) = Record::read(records).ok_or_else(invalid)?;
        records = rest;
        files.push(record.file(content, &mut budget)?);
    }
    Ok(files)
}

/// How many files the archive has and where its directory begins.
fn directory_of(content: &[u8]) -> Option<(u64, usize)> {
    let last = content.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(MAX_COMMENT);
    let at = (first..=last).rev().find(|at| {
        let comment = || short(content, at + 20).map(usize::from);
        long(content, *at) == Some(END)
            && comment().is_some_and(|it| at + END_LENGTH + it <= content.len())
    })?;
    let (count, offset) = (short(content, at + 10)?, long(content, at + 16)?);
    if count != u16::MAX && offset != u32::MAX {
        return Some((count.into(), offset as usize));
    }
    // The numbers did not fit; a record before this one has them.
    let locator = at.checked_sub(20).filter(|at| long(content, *at) == Some(END_64_LOCATOR));
    let Some(locator) = locator else { return Some((count.into(), offset as usize)) };
    let at = usize::try_from(double(content, locator + 8)?).ok()?;
    if long(content, at)? != END_64 {
        return None;
    }
    let offset = double(content, at.checked_add(48)?)?;
    Some((double(content, at.checked_add(32)?)?, usize::try_from(offset).ok()?))
}

/// A file's entry in the directory.
struct Record<'a> {
    flags: u16,
    method: u16,
    sum: u32,
    packed_size: u64,
    size: u64,
    offset: u64,
    name: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(records: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if long(records, 0)? != CENTRAL {
            return None;
        }
        let lengths = [28, 30, 32].map(|at| short(records, at).unwrap_or_default() as usize);
        let [name, extra, comment] = lengths;
        let rest = records.get(CENTRAL_LENGTH + name + extra + comment..)?;
        let extras = &records[CENTRAL_LENGTH + name..][..extra];
        let mut record = Self {
            flags: short(records, 8)?,
            method: short(records, 10)?,
            sum: long(records, 16)?,
            packed_size: long(records, 20)?.into(),
            size: long(records, 24)?.into(),
            offset: long(records, 42)?.into(),
            name: &records[CENTRAL_LENGTH..][..name],
        };
        record.widen(extras)?;
        Some((record, rest))
    }

    /// Takes the 64-bit numbers of an extra field for those that did not fit.
    fn widen(&mut self, mut extras: &[u8]) -> Option<()> {
        while extras.len() >= 4 {
            let (id, length) = (short(extras, 0)?, short(extras, 2)? as usize);
            let field = extras.get(4..4 + length)?;
            extras = &extras[4 + length..];
            if id != 1 {
                continue;
            }
            let mut at = 0;
            for number in [&mut self.size, &mut self.packed_size, &mut self.offset] {
                if *number == u64::from(u32::MAX) {
                    *number = double(field, at)?;
                    at += 8;
                }
            }
        }
        Some(())
    }

    fn file(&self, content: &[u8], budget: &mut Budget) -> Result<File, String> {
        let name = String::from_utf8_lossy(self.name).into_owned();
        if !is_local(&name) {
            return Err(format!("zip: insecure file path: {name:?}"));
        }
        if self.flags & ENCRYPTED != 0 {
            return Err(format!("zip: file {name:?} is encrypted"));
        }
        let packed = self.packed(content).ok_or_else(invalid)?;
        let unpacked = match self.method {
            STORED => packed.to_vec(),
            DEFLATED => {
                let limit = budget.bytes() as u64 + 1;
                let mut unpacked = Vec::new();
                DeflateDecoder::new(packed)
                    .take(limit)
                    .read_to_end(&mut unpacked)
                    .map_err(|_| format!("zip: file {name:?} is corrupt"))?;
                unpacked
            }
            _ => return Err("zip: unsupported compression algorithm".into()),
        };
        budget.spend(unpacked.len())?;
        let mut sum = Crc::new();
        sum.update(&unpacked);
        if sum.sum() != self.sum || unpacked.len() as u64 != self.size {
            return Err("zip: checksum error".into());
        }
        Ok(File { name, content: unpacked.into() })
    }

    fn packed<'c>(&self, content: &'c [u8]) -> Option<&'c [u8]> {
        let local = content.get(usize::try_from(self.offset).ok()?..)?;
        if long(local, 0)? != LOCAL {
            return None;
        }
        let before = LOCAL_LENGTH + short(local, 26)? as usize + short(local, 28)? as usize;
        local.get(before..)?.get(..usize::try_from(self.packed_size).ok()?)
    }
}

fn invalid() -> String {
    "zip: not a valid zip file".into()
}

fn short(content: &[u8], at: usize) -> Option<u16> {
    content.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn long(content: &[u8], at: usize) -> Option<u32> {
    content.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn double(content: &[u8], at: usize) -> Option<u64> {
    content.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<(String, Bytes)> {
        [("a.txt", "one"), ("a.txt", "two"), ("", ""), ("dir/né", &"y".repeat(2000))]
            .map(|(name, content)| (name.to_owned(), Bytes::copy_from_slice(content.as_bytes())))
            .to_vec()
    }

    fn files(archive: &[u8]) -> Vec<(String, Bytes)> {
        unpack(archive).unwrap().into_iter().map(|file| (file.name, file.content)).collect()
    }

    #[test]
    fn files_come_back_also_those_of_equal_names() {
        assert_eq!(files(&pack(&sample()).unwrap()), sample());
        assert_eq!(files(&pack(&[]).unwrap()), []);
    }

    /// Written by Info-ZIP (`printf hello > a; zip -0 - a`): a stored file with extra fields.
    #[test]
    fn archives_of_other_programs_are_read() {
        let archive = [
            "504b03040a00000000000000210086a610360500000005000000010000006168656c6c6f",
            "504b01021e030a00000000000000210086a61036050000000500000001000000000000000100000080810000000061",
            "504b050600000000010001002f000000240000000000",
        ]
        .concat();
        let archive: Vec<u8> = (0..archive.len() / 2)
            .map(|at| u8::from_str_radix(&archive[2 * at..][..2], 16).unwrap())
            .collect();
        assert_eq!(files(&archive), [("a".to_owned(), Bytes::from_static(b"hello"))]);
    }

    #[test]
    fn hostile_archives_are_refused() {
        let escape = [("../x".to_owned(), Bytes::from_static(b"x"))];
        let error = unpack(&pack(&escape).unwrap()).unwrap_err();
        assert!(error.starts_with("zip: insecure file path"), "{error}");
        let mut claims = pack(&sample()).unwrap();
        let end = claims.len() - END_LENGTH;
        claims[end + 10..end + 12].copy_from_slice(&0xfff0_u16.to_le_bytes());
        assert_eq!(unpack(&claims).unwrap_err(), "zip: not a valid zip file");
        assert_eq!(unpack(b"not a zip").unwrap_err(), "zip: not a valid zip file");
    }

    #[test]
    fn bombs_are_defused() {
        // Three entries of the directory that share one file.
        let zeros = [("a".to_owned(), Bytes::from(vec![0; 90 << 20]))];
        let mut bomb = pack(&zeros).unwrap();
        let end = bomb.split_off(bomb.len() - END_LENGTH);
        let record = bomb[bomb.len() - CENTRAL_LENGTH - 1..].to_vec();
        bomb.extend_from_slice(&[record.clone(), record, end].concat());
        let count = bomb.len() - END_LENGTH + 10;
        bomb[count] = 3;
        assert!(bomb.len() < 1 << 20);
        let error = unpack(&bomb).unwrap_err();
        assert!(error.contains("exceeds the limit"), "{error}");
    }

    #[test]
    fn broken_archives_are_refused() {
        let archive = pack(&sample()).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..4000 {
            let mut broken = archive.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..broken.len());
                broken[at] = random.u8(..);
            }
            if random.bool() {
                broken.truncate(random.usize(..broken.len()));
            }
            let _ = unpack(&broken);
        }
    }
}
