//! The emulator, with codes as narrow as they fit.

use std::rc::Rc;

use nn2hdl_runtime::{Codes, CodesMut, Emulator, Format, Program};

use super::engine::{Ask, Burst, Engine, repeat};
use super::frames::Frames;

/// An emulator and its frames.
pub struct Emulated {
    emulator: Emulator,
    frames: Rc<Frames>,
}

impl Emulated {
    /// The emulator on one thread, or on all.
    ///
    /// # Errors
    /// What keeps the emulator from running the program.
    pub fn new(program: &Program, frames: Rc<Frames>, one: bool) -> Result<Self, String> {
        let emulator = Emulator::new(program).map_err(|error| error.to_string())?;
        Ok(Self { emulator: if one { emulator.with_threads(1) } else { emulator }, frames })
    }
}

impl Engine for Emulated {
    fn burst(&mut self, ask: Ask) -> Result<Burst, String> {
        let program = self.emulator.program();
        let fill = |n: usize| {
            let value = program.input_value(n);
            let codes = self.frames.codes[n].iter().copied().cycle();
            Room::filled(value.format, codes.take(ask.size * value.len()))
        };
        let inputs: Vec<Room> = (0..program.inputs.len()).map(fill).collect();
        let empty = |n: usize| {
            let value = program.output_value(n);
            Room::filled(value.format, std::iter::repeat_n(0, ask.size * value.len()))
        };
        let mut outputs: Vec<Room> = (0..program.outputs.len()).map(empty).collect();
        let inputs: Vec<Codes<'_>> = inputs.iter().map(Room::codes).collect();
        repeat(ask, || {
            let room = outputs.iter_mut().map(Room::codes_mut).collect();
            self.emulator.run_into(&inputs, room, ask.size).map_err(|error| error.to_string())
        })
    }
}

/// Codes of one input or output.
enum Room {
    Bytes(Vec<u8>),
    Short(Vec<i16>),
    Long(Vec<i32>),
    Wide(Vec<i64>),
}

impl Room {
    fn filled(format: Format, codes: impl Iterator<Item = i64>) -> Self {
        let range = format.interval();
        let fits = |lo: i64, hi: i64| range.lo >= lo.into() && range.hi <= hi.into();
        if fits(0, u8::MAX.into()) {
            Self::Bytes(codes.map(|code| code as u8).collect())
        } else if fits(i16::MIN.into(), i16::MAX.into()) {
            Self::Short(codes.map(|code| code as i16).collect())
        } else if fits(i32::MIN.into(), i32::MAX.into()) {
            Self::Long(codes.map(|code| code as i32).collect())
        } else {
            Self::Wide(codes.collect())
        }
    }

    fn codes(&self) -> Codes<'_> {
        match self {
            Self::Bytes(codes) => codes.as_slice().into(),
            Self::Short(codes) => codes.as_slice().into(),
            Self::Long(codes) => codes.as_slice().into(),
            Self::Wide(codes) => codes.as_slice().into(),
        }
    }

    fn codes_mut(&mut self) -> CodesMut<'_> {
        match self {
            Self::Bytes(codes) => codes.as_mut_slice().into(),
            Self::Short(codes) => codes.as_mut_slice().into(),
            Self::Long(codes) => codes.as_mut_slice().into(),
            Self::Wide(codes) => codes.as_mut_slice().into(),
        }
    }
}
