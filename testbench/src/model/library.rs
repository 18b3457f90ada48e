#![allow(unsafe_code)]
//! The one place where compiled code is loaded and called.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr::{self, NonNull},
};

use crate::{Error, PowerUp, Start};

type Create = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Destroy = unsafe extern "C" fn(*mut c_void);
type Run = unsafe extern "C" fn(*mut c_void, u64, *const u32, *mut u32) -> *const c_char;

/// A running model. Neither `Send` nor `Sync`: Verilator keeps part of its state in thread-local variables.
#[derive(Debug)]
pub(super) struct Instance {
    model: NonNull<c_void>,
    create: Create,
    destroy: Destroy,
    run: Run,
    _library: libloading::Library,
}

impl Instance {
    /// Loads a library that [`super::build`] made of a [`super::harness`] and starts its model.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        let failed = |reason: String| Error::Load { path: path.to_owned(), reason };
        // SAFETY: the library's initialisers are those of Verilator's run time, which have no preconditions;
        // the three symbols have the types that the harness template gives them, and its text is part of the
        // cache's key; the function pointers are kept no longer than the library.
        unsafe {
            let library = libloading::Library::new(path).map_err(|error| failed(error.to_string()))?;
            let create: Create =
                *library.get(b"nn2hdl_create\0").map_err(|error| failed(error.to_string()))?;
            let destroy: Destroy =
                *library.get(b"nn2hdl_destroy\0").map_err(|error| failed(error.to_string()))?;
            let run: Run = *library.get(b"nn2hdl_run\0").map_err(|error| failed(error.to_string()))?;
            let model = create_model(create, &Start::default())?;
            Ok(Self { model, create, destroy, run, _library: library })
        }
    }

    pub(super) fn start(&mut self, start: &Start) -> Result<(), Error> {
        // SAFETY: `create` belongs to the loaded library; the old model is destroyed once, and replaced.
        unsafe {
            let fresh = create_model(self.create, start)?;
            (self.destroy)(self.model.as_ptr());
            self.model = fresh;
        }
        Ok(())
    }

    /// Runs `cycles` cycles; the slices hold that many rows of the model's input and output layouts.
    pub(super) fn run(&mut self, cycles: usize, inputs: &[u32], outputs: &mut [u32]) -> Result<(), Error> {
        // SAFETY: `Model::run` gives rows of the widths that the harness was generated for, `cycles` of each;
        // `&mut self` keeps the model to one caller; the message lives in the model until its next call.
        let message = unsafe {
            let message =
                (self.run)(self.model.as_ptr(), cycles as u64, inputs.as_ptr(), outputs.as_mut_ptr());
            if message.is_null() {
                return Ok(());
            }
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        Err(Error::Simulation { message })
    }
}

/// # Safety
/// `create` must be the harness's `nn2hdl_create`.
unsafe fn create_model(create: Create, start: &Start) -> Result<NonNull<c_void>, Error> {
    let path = match &start.waveform {
        None => None,
        Some(file) => Some(CString::new(file.0.as_os_str().as_bytes()).map_err(|error| Error::Waveform {
            reason: format!("{} cannot be a file name: {error}", file.0.display()),
        })?),
    };
    let seed = match start.power_up {
        PowerUp::Zeros => 0,
        PowerUp::Random(seed) => ((seed & 0x7fff_ffff) as c_int).max(1),
    };
    // SAFETY: by this function's contract; the path is a C string or null and is copied by the callee.
    let model = unsafe { create(path.as_ref().map_or(ptr::null(), |path| path.as_ptr()), seed) };
    NonNull::new(model).ok_or_else(|| Error::Simulation {
        message: match &start.waveform {
            Some(file) => format!("the waveform {} cannot be written", file.0.display()),
            None => "the model cannot be created".into(),
        },
    })
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the model was made by this library's `create` and is destroyed once, before the library goes.
        unsafe { (self.destroy)(self.model.as_ptr()) }
    }
}
