//! The C ABI of native evaluators: dynamic libraries that the host loads at run time.
//!
//! A library exports one symbol, `nas_evaluator_0_3`, a function that returns a [`Table`] of functions. Messages are
//! bytes made by [`codec`](crate::codec). A panic never crosses the border: it comes back as [`Status::Panicked`].

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{decode, encode};
use crate::{CurvePoint, Error, EvaluatorPlugin, Monitor, Opened, Result, Settings, Verdict};

/// The name of the symbol; it changes where the table changes.
pub const SYMBOL: &str = "nas_evaluator_0_3";

/// The version of this ABI, the first field of the table, so that it can be read whatever the rest is.
pub const ABI_VERSION: u32 = 4;

/// Symbols of earlier versions, which are refused.
pub const EARLIER_SYMBOLS: [&str; 2] = ["nas_evaluator_0_1", "nas_evaluator_0_2"];

/// How a call ended, and what its answer is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The answer is the encoded result.
    Done = 0,
    /// The answer is a text: why not.
    Refused = 1,
    /// The answer is the panic's message.
    Panicked = 2,
}

/// Bytes that the library owns until the host hands them back through [`Table::free`].
#[repr(C)]
pub struct Answer {
    /// A [`Status`] as a number; the host refuses others.
    pub status: u32,
    /// Start of the bytes; dangling where there are none.
    pub data: *mut u8,
    /// How many.
    pub length: usize,
    /// How many were allocated.
    pub capacity: usize,
}

/// How a measurement, or a final training, talks with the host: each function is called with `context`, from any thread, until
/// `evaluate` or `train` returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Callbacks {
    /// Of the host.
    pub context: *const c_void,
    /// Whether the result is not wanted any more.
    pub stopped: extern "C" fn(context: *const c_void) -> bool,
    /// Takes an encoded [`CurvePoint`]; a [`Verdict`] as a number: 0 to go on, 1 where a pruner ends the trial, 2 where the
    /// study is stopping. Bytes that are no report stop it, and the study says why.
    ///
    /// # Safety
    /// `data..data+length` is readable.
    pub report: unsafe extern "C" fn(context: *const c_void, data: *const u8, length: usize) -> u32,
    /// Takes one line of UTF-8 for the user.
    ///
    /// # Safety
    /// As `report`.
    pub notice: unsafe extern "C" fn(context: *const c_void, data: *const u8, length: usize),
}

/// A function that takes long and talks with the host meanwhile.
///
/// # Safety
/// The instance is one that `open` made and `close` has not taken; `data..data+length` is readable; so are the callbacks until
/// the call returns.
pub type Work = unsafe extern "C" fn(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
) -> Answer;

/// The functions of a library. Any thread may call them; `evaluate` and `train` of one instance also at the same time.
#[repr(C)]
pub struct Table {
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// The encoded [`EvaluatorInfo`](crate::EvaluatorInfo).
    pub describe: extern "C" fn() -> Answer,
    /// Takes an encoded [`Open`]; on `Done` sets the instance and answers an encoded [`Opened`].
    ///
    /// # Safety
    /// `data..data+length` is readable, `instance` is writable.
    pub open: unsafe extern "C" fn(data: *const u8, length: usize, instance: *mut *mut c_void) -> Answer,
    /// Takes an encoded [`Request`](crate::Request); answers an encoded `Option<Measurement>`.
    pub evaluate: Work,
    /// Takes an encoded [`TrainRequest`](crate::TrainRequest); answers an encoded `Option<Trained>`. Null where `describe` says
    /// that it does not train in full.
    pub train: Option<Work>,
    /// Ends an instance.
    ///
    /// # Safety
    /// As `evaluate`; no call is in progress, none follows.
    pub close: unsafe extern "C" fn(instance: *mut c_void),
    /// Takes an answer back.
    ///
    /// # Safety
    /// The answer came from this library and is handed back once.
    pub free: unsafe extern "C" fn(answer: Answer),
}

/// What `open` takes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    /// Every declared parameter, checked.
    pub settings: Settings,
    /// A folder of the study where states of trials may be kept.
    pub state: Option<PathBuf>,
}

/// The table of an evaluator written in Rust; what [`export_native_evaluator`](crate::export_native_evaluator) returns.
pub fn table<E: EvaluatorPlugin>() -> Table {
    Table {
        abi_version: ABI_VERSION,
        describe: describe::<E>,
        open: open::<E>,
        evaluate: evaluate::<E>,
        train: Some(train::<E>),
        close: close::<E>,
        free,
    }
}

/// Exports an [`EvaluatorPlugin`] from a `cdylib`.
#[macro_export]
macro_rules! export_native_evaluator {
    ($evaluator:ty) => {
        /// The functions of this library.
        // SAFETY: the symbol's name carries the version of its type, and nothing else defines it.
        #[unsafe(no_mangle)]
        pub extern "C" fn nas_evaluator_0_3() -> $crate::native::Table {
            $crate::native::table::<$evaluator>()
        }
    };
}

fn answer(status: Status, bytes: Vec<u8>) -> Answer {
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    Answer { status: status as u32, data: bytes.as_mut_ptr(), length: bytes.len(), capacity: bytes.capacity() }
}

/// What a panic said.
pub fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    words.unwrap_or("without a message").to_owned()
}

/// Runs the code; whatever it does, the result is an answer.
fn guarded<T: Serialize>(code: impl FnOnce() -> Result<T>) -> Answer {
    match catch_unwind(AssertUnwindSafe(|| code().and_then(|value| encode(&value)))) {
        Ok(Ok(bytes)) => answer(Status::Done, bytes),
        Ok(Err(error)) => answer(Status::Refused, error.to_string().into_bytes()),
        Err(panic) => answer(Status::Panicked, panic_words(panic.as_ref()).into_bytes()),
    }
}

extern "C" fn describe<E: EvaluatorPlugin>() -> Answer {
    guarded(|| Ok(E::info()))
}

unsafe extern "C" fn open<E: EvaluatorPlugin>(data: *const u8, length: usize, instance: *mut *mut c_void) -> Answer {
    guarded(|| -> Result<Opened> {
        // SAFETY: the caller of `Table::open` promises readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        let Open { settings, state } = decode(bytes)?;
        let evaluator = E::open(&settings, state.as_deref())?;
        let opened = evaluator.opened();
        // SAFETY: the caller promises that `instance` is writable.
        unsafe { *instance = Box::into_raw(Box::new(evaluator)).cast() };
        Ok(opened)
    })
}

unsafe extern "C" fn evaluate<E: EvaluatorPlugin>(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe {
        work(instance, data, length, callbacks, |evaluator: &E, request, host| evaluator.evaluate(&request, host))
    }
}

unsafe extern "C" fn train<E: EvaluatorPlugin>(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe { work(instance, data, length, callbacks, |evaluator: &E, request, host| evaluator.train(&request, host)) }
}

/// # Safety
/// As for [`Work`]; the instance came from `open::<E>`.
unsafe fn work<E: EvaluatorPlugin, Q: DeserializeOwned, A: Serialize>(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
    code: impl FnOnce(&E, Q, &dyn Monitor) -> Result<A>,
) -> Answer {
    guarded(|| {
        // SAFETY: the instance came from `open::<E>` of this library and has not been closed; evaluators are `Sync`.
        let evaluator = unsafe { instance.cast::<E>().as_ref() }.ok_or_else(|| Error::new("no instance"))?;
        // SAFETY: the caller promises readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        let request = decode(bytes)?;
        // SAFETY: the caller promises that the callbacks are there until this call returns.
        let callbacks = unsafe { callbacks.as_ref() }.ok_or_else(|| Error::new("no callbacks"))?;
        code(evaluator, request, &Host(callbacks))
    })
}

/// Who listens, on the other side of the border.
struct Host<'a>(&'a Callbacks);

// SAFETY: the host lets its callbacks be called from any thread while the call lasts (see `Callbacks`).
unsafe impl Sync for Host<'_> {}

impl Monitor for Host<'_> {
    fn stopped(&self) -> bool {
        (self.0.stopped)(self.0.context)
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        // What cannot be encoded reaches the host as bytes that are no report, and the host says so.
        let bytes = encode(&report).unwrap_or_default();
        // SAFETY: the bytes are readable while the call lasts.
        let verdict = unsafe { (self.0.report)(self.0.context, bytes.as_ptr(), bytes.len()) };
        match verdict {
            0 => Verdict::GoOn,
            1 => Verdict::Pruned,
            _ => Verdict::Stopped,
        }
    }

    fn notice(&self, words: &str) {
        // SAFETY: the bytes are readable while the call lasts.
        unsafe { (self.0.notice)(self.0.context, words.as_ptr(), words.len()) };
    }
}

unsafe extern "C" fn close<E: EvaluatorPlugin>(instance: *mut c_void) {
    if !instance.is_null() {
        // A panic in a destructor must not cross the border; there is nobody left to tell.
        let _ = catch_unwind(|| {
            // SAFETY: `open` made it with `Box::into_raw`, and the caller promises that this is the last use.
            drop(unsafe { Box::from_raw(instance.cast::<E>()) });
        });
    }
}

unsafe extern "C" fn free(answer: Answer) {
    // SAFETY: `answer` took these three from a `Vec<u8>` of this library, and the caller hands them back once.
    drop(unsafe { Vec::from_raw_parts(answer.data, answer.length, answer.capacity) });
}
