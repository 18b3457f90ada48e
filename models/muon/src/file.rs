//! Files of events: bit-packed, in checked blocks, written and read as a stream.
//!
//! All numbers are little-endian. A file is the eight bytes `NN2MUON1`, the length of the header and its CRC-32 as `u32`, the
//! header as JSON ([`Header`]), and blocks. A block is its number of events, the length of its body in bytes and the
//! body's CRC-32, `u32` each, and the body; a block of no events ends the file. A body holds its events one
//! after the other: number of muons (`u8`), number of hits (`u16`), for each muon p_T, η, strip, drift (`f32`) and
//! charge (`i8`), then the hits as a stream of bits from the lowest on, 18 for each: voxel number (15), mask of
//! muons (3); the last byte is filled with zeros.

use std::io::{self, Read, Write};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Hit, MOST_MUONS, Muon};
use crate::geometry::VOXELS;
use crate::parameters::Parameters;
use crate::simulate::Simulation;

const MAGIC: &[u8; 8] = b"NN2MUON1";
/// Events of a block.
const BLOCK: u64 = 1024;
/// Blocks that are made at a time.
const BLOCKS: u64 = 16;
/// No body is larger: every event full.
const LARGEST_BODY: u32 = 1 << 26;
const LARGEST_HEADER: u32 = 1 << 20;
/// A file holds at most this many events.
pub const MOST_EVENTS: u64 = 10_000_000;
const VOXEL_BITS: u32 = 15;

/// What a file says of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Number of events.
    pub events: u64,
    /// Seed of the sample.
    pub seed: u64,
    /// The simulation's parameters.
    pub parameters: Parameters,
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Something else altogether.
    #[error("this is no file of muon events")]
    Magic,
    /// The header cannot be read.
    #[error("the header is damaged: {0}")]
    Header(String),
    /// The file ends too early.
    #[error("the file ends after {found} of {expected} events: it was cut off")]
    Cut {
        /// Events read.
        found: u64,
        /// Events announced.
        expected: u64,
    },
    /// A block does not hold what it says.
    #[error("the block after event {after} is damaged")]
    Damaged {
        /// Events read before it.
        after: u64,
    },
}

/// Writes events as they come.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    body: Vec<u8>,
    events: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn new(mut out: W, header: &Header) -> Result<Self, FileError> {
        let header = serde_json::to_vec(header).map_err(|error| FileError::Header(error.to_string()))?;
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u32).to_le_bytes())?;
        out.write_all(&crc32fast::hash(&header).to_le_bytes())?;
        out.write_all(&header)?;
        Ok(Self { out, body: Vec::new(), events: 0 })
    }

    /// Adds an event.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn push(&mut self, event: &Event) -> Result<(), FileError> {
        encode(event, &mut self.body);
        self.events += 1;
        if u64::from(self.events) == BLOCK { self.flush() } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn finish(mut self) -> Result<W, FileError> {
        if self.events > 0 {
            self.flush()?;
        }
        self.flush()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let crc = crc32fast::hash(&self.body);
        for word in [self.events, self.body.len() as u32, crc] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(&self.body)?;
        self.body.clear();
        self.events = 0;
        Ok(())
    }
}

/// Simulates and writes a sample on all threads, in constant memory; `written` sees the events in their order, piece by
/// piece.
///
/// # Errors
/// If nothing can be written.
pub fn write_sample<W: Write>(
    out: W,
    simulation: &Simulation,
    seed: u64,
    events: u64,
    mut written: impl FnMut(&[Event]),
) -> Result<W, FileError> {
    let header = Header { events, seed, parameters: simulation.parameters().clone() };
    let mut writer = Writer::new(out, &header)?;
    let mut done = 0;
    while done < events {
        let end = (done + BLOCK * BLOCKS).min(events);
        let made: Vec<Event> = (done..end).into_par_iter().map(|n| simulation.event(seed, n)).collect();
        made.iter().try_for_each(|event| writer.push(event))?;
        done = end;
        written(&made);
    }
    writer.finish()
}

/// Reads events as a stream; ends after the first error.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    header: Header,
    read: u64,
    block: std::vec::IntoIter<Event>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// If this is no such file, or it is damaged.
    pub fn new(mut input: R) -> Result<Self, FileError> {
        let mut magic = [0; 8];
        let read = input.read_exact(&mut magic);
        if read.is_err() || &magic != MAGIC {
            return Err(FileError::Magic);
        }
        let cut = |error: FileError| FileError::Header(error.to_string());
        let (length, crc) = (word(&mut input).map_err(cut)?, word(&mut input).map_err(cut)?);
        if length > LARGEST_HEADER {
            return Err(FileError::Header(format!("it would have {length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        input.read_exact(&mut bytes).map_err(|error| FileError::Header(error.to_string()))?;
        if crc32fast::hash(&bytes) != crc {
            return Err(FileError::Header("its check sum is wrong".into()));
        }
        let header: Header =
            serde_json::from_slice(&bytes).map_err(|error| FileError::Header(error.to_string()))?;
        if header.events > MOST_EVENTS {
            return Err(FileError::Header(format!("it announces {} events", header.events)));
        }
        Ok(Self { input, header, read: 0, block: Vec::new().into_iter(), ended: false })
    }

    /// What the file says of its events.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn next_block(&mut self) -> Result<(), FileError> {
        let cut = FileError::Cut { found: self.read, expected: self.header.events };
        let damaged = FileError::Damaged { after: self.read };
        let (Ok(events), Ok(length), Ok(crc)) =
            (word(&mut self.input), word(&mut self.input), word(&mut self.input))
        else {
            return Err(cut);
        };
        if events == 0 {
            self.ended = true;
            return if self.read == self.header.events { Ok(()) } else { Err(cut) };
        }
        if length > LARGEST_BODY || u64::from(events) > BLOCK {
            return Err(damaged);
        }
        let mut body = Vec::new();
        let found = self.input.by_ref().take(length.into()).read_to_end(&mut body)?;
        if found < length as usize {
            return Err(cut);
        }
        if crc32fast::hash(&body) != crc {
            return Err(damaged);
        }
        let mut rest = body.as_slice();
        let decoded: Option<Vec<Event>> = (0..events).map(|_| decode(&mut rest)).collect();
        let decoded = decoded.filter(|_| rest.is_empty()).ok_or(damaged)?;
        self.read += u64::from(events);
        self.block = decoded.into_iter();
        Ok(())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.block.next() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.next_block() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}

fn word(input: &mut impl Read) -> Result<u32, FileError> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn encode(event: &Event, body: &mut Vec<u8>) {
    body.push(event.muons.len() as u8);
    body.extend((event.hits.len() as u16).to_le_bytes());
    for muon in &event.muons {
        for value in [muon.pt, muon.eta, muon.strip, muon.drift] {
            body.extend(value.to_le_bytes());
        }
        body.push(muon.charge as u8);
    }
    let (mut pending, mut bits) = (0_u64, 0);
    for hit in &event.hits {
        pending |= (u64::from(hit.voxel) | u64::from(hit.muons) << VOXEL_BITS) << bits;
        bits += VOXEL_BITS + MOST_MUONS as u32;
        while bits >= 8 {
            body.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        body.push(pending as u8);
    }
}

/// Takes one event off the front, or `None` if the bytes are none, its voxels do not ascend, or a hit belongs to no muon of it.
fn decode(rest: &mut &[u8]) -> Option<Event> {
    let (muons, hits) = (take::<1>(rest)?[0], u16::from_le_bytes(take(rest)?));
    if usize::from(muons) > MOST_MUONS {
        return None;
    }
    let float = |rest: &mut &[u8]| take(rest).map(f32::from_le_bytes);
    let muons: Option<Vec<Muon>> = (0..muons)
        .map(|_| {
            let (pt, eta, strip, drift) = (float(rest)?, float(rest)?, float(rest)?, float(rest)?);
            Some(Muon { pt, eta, strip, drift, charge: take::<1>(rest)?[0] as i8 })
        })
        .collect();
    let each = VOXEL_BITS + MOST_MUONS as u32;
    let (mut pending, mut bits) = (0_u64, 0);
    let mut read = || {
        while bits < each {
            pending |= u64::from(take::<1>(rest)?[0]) << bits;
            bits += 8;
        }
        let code = pending & ((1 << each) - 1);
        pending >>= each;
        bits -= each;
        let voxel = (code & ((1 << VOXEL_BITS) - 1)) as u16;
        (usize::from(voxel) < VOXELS).then_some(Hit { voxel, muons: (code >> VOXEL_BITS) as u8 })
    };
    let hits: Option<Vec<Hit>> = (0..hits).map(|_| read()).collect();
    let (hits, muons) = (hits?, muons?);
    let ascending = hits.is_sorted_by(|one, next| one.voxel < next.voxel);
    let owned = hits.iter().all(|hit| u32::from(hit.muons) >> muons.len() == 0);
    (ascending && owned).then_some(Event { hits, muons })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(events: u64) -> Vec<u8> {
        let parameters = Parameters { background: 5.0, ..Parameters::default() };
        let simulation = Simulation::new(parameters).unwrap();
        write_sample(Vec::new(), &simulation, 7, events, |_| ()).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample(2500);
        let reader = Reader::new(bytes.as_slice()).unwrap();
        let simulation = Simulation::new(reader.header().parameters.clone()).unwrap();
        let read: Vec<Event> = reader.map(|event| event.unwrap()).collect();
        assert_eq!(read.len(), 2500);
        assert!(read.iter().enumerate().all(|(n, event)| *event == simulation.event(7, n as u64)));
    }

    #[test]
    fn the_same_bytes_on_any_number_of_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| sample(1500)), sample(1500));
    }

    #[test]
    fn events_that_cannot_be_are_refused() {
        let hit = |voxel, muons| Hit { voxel, muons };
        for hits in [vec![hit(5, 0), hit(3, 0)], vec![hit(3, 0), hit(3, 0)], vec![hit(3, 1)]] {
            let header = Header { events: 1, seed: 0, parameters: Parameters::default() };
            let mut writer = Writer::new(Vec::new(), &header).unwrap();
            writer.push(&Event { hits, muons: Vec::new() }).unwrap();
            let bytes = writer.finish().unwrap();
            let read = Reader::new(bytes.as_slice()).unwrap().next().unwrap();
            assert!(matches!(read, Err(FileError::Damaged { after: 0 })));
        }
    }

    #[test]
    fn damage_is_seen() {
        let bytes = sample(300);
        let read = |bytes: &[u8]| Reader::new(bytes).and_then(|reader| reader.collect::<Result<Vec<_>, _>>());
        for n in [0, 5, 9, 40, bytes.len() / 2, bytes.len() - 1] {
            assert!(read(&bytes[..n]).is_err(), "cut at {n}");
        }
        for n in (0..bytes.len()).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[n] ^= 0x10;
            assert!(read(&damaged).is_err(), "byte {n}");
        }
    }
}
