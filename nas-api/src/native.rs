//! The C ABI of native evaluators: dynamic libraries that the host loads at run time.
//!
//! A library exports one symbol, `nas_evaluator_0_3`: a function that returns a [`FunctionTable`] of functions. Arguments and
//! results are messages that [`codec`](crate::codec) encodes. A panic never crosses the border; it is returned as
//! [`Status::Panicked`].

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{decode, encode};
use crate::{CurvePoint, Error, EvaluatorPlugin, InstanceInfo, Monitor, Result, Settings, Verdict};

/// The name of the symbol. It changes whenever [`FunctionTable`] changes.
pub const SYMBOL: &str = "nas_evaluator_0_3";

/// The version of this ABI. It is the first field of [`FunctionTable`], so that it can be read whatever follows.
pub const ABI_VERSION: u32 = 4;

/// The symbols of earlier versions, which the host refuses.
pub const EARLIER_SYMBOLS: [&str; 2] = ["nas_evaluator_0_1", "nas_evaluator_0_2"];

/// How a call ended, which says what its answer holds.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The call succeeded; the answer is the encoded result.
    Done = 0,
    /// The call failed; the answer is the reason, as UTF-8.
    Refused = 1,
    /// The call panicked; the answer is the panic's message, as UTF-8.
    Panicked = 2,
}

/// The result of a call: bytes that the library owns until the host returns them through [`FunctionTable::free`].
#[repr(C)]
pub struct Answer {
    /// A [`Status`] as a number. The host refuses any other number.
    pub status: u32,
    /// The start of the bytes; dangling if there are none.
    pub data: *mut u8,
    /// The number of bytes.
    pub length: usize,
    /// The number of bytes that were allocated.
    pub capacity: usize,
}

/// The host's side of a measurement or a final training, as [`Monitor`] in C. Any thread may call these functions, with
/// `context`, until `evaluate` or `train` returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Callbacks {
    /// The first argument of each function; its meaning is the host's.
    pub context: *const c_void,
    /// Returns true if the result is no longer wanted.
    pub stopped: extern "C" fn(context: *const c_void) -> bool,
    /// Takes an encoded [`CurvePoint`] and returns a [`Verdict`] as a number: 0 to continue, 1 if a pruner ends the
    /// trial, 2 if the study is stopping. Bytes that are no curve point end the study with an error.
    ///
    /// # Safety
    /// `data..data+length` must be readable.
    pub report: unsafe extern "C" fn(context: *const c_void, data: *const u8, length: usize) -> u32,
    /// Takes one line of UTF-8 for the user.
    ///
    /// # Safety
    /// As for `report`.
    pub notice: unsafe extern "C" fn(context: *const c_void, data: *const u8, length: usize),
}

/// The type of a function that runs for long and calls the host meanwhile.
///
/// # Safety
/// `open` must have made the instance, and `close` must not have taken it. `data..data+length` must be readable, and so
/// must the callbacks until the call returns.
pub type LongCall = unsafe extern "C" fn(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
) -> Answer;

/// The functions of a library. Any thread may call them, and several threads may call `evaluate` and `train` of one
/// instance at the same time.
#[repr(C)]
pub struct FunctionTable {
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// Returns an encoded [`EvaluatorInfo`](crate::EvaluatorInfo).
    pub describe: extern "C" fn() -> Answer,
    /// Takes an encoded [`Open`] and returns an encoded [`InstanceInfo`]. It sets the instance if the status is `Done`.
    ///
    /// # Safety
    /// `data..data+length` must be readable, and `instance` must be writable.
    pub open: unsafe extern "C" fn(data: *const u8, length: usize, instance: *mut *mut c_void) -> Answer,
    /// Takes an encoded [`Request`](crate::Request) and returns an encoded `Option<Measurement>`.
    pub evaluate: LongCall,
    /// Takes an encoded [`TrainRequest`](crate::TrainRequest) and returns an encoded `Option<Trained>`. Null if the
    /// evaluator has no final training.
    pub train: Option<LongCall>,
    /// Destroys an instance.
    ///
    /// # Safety
    /// `open` must have made the instance. No call on it may be in progress, and none may follow.
    pub close: unsafe extern "C" fn(instance: *mut c_void),
    /// Frees an answer.
    ///
    /// # Safety
    /// The answer must come from this library, and must not have been freed.
    pub free: unsafe extern "C" fn(answer: Answer),
}

/// The argument of [`FunctionTable::open`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    /// The value of every declared parameter. The host has checked them.
    pub settings: Settings,
    /// The study's folder for checkpoints, which need not exist yet; `None` if there is none.
    pub checkpoints: Option<PathBuf>,
}

/// Returns the table of an evaluator written in Rust. [`export_native_evaluator!`](crate::export_native_evaluator)
/// exports it.
pub fn table<E: EvaluatorPlugin>() -> FunctionTable {
    FunctionTable {
        abi_version: ABI_VERSION,
        describe: describe::<E>,
        open: open::<E>,
        evaluate: evaluate::<E>,
        train: Some(train::<E>),
        close: close::<E>,
        free,
    }
}

/// Exports an [`EvaluatorPlugin`] from a `cdylib`, which the host can load. A library can export one evaluator.
#[macro_export]
macro_rules! export_native_evaluator {
    ($evaluator:ty) => {
        /// Returns the functions of this library.
        // SAFETY: the symbol's name contains the version of its type, and nothing else defines it.
        #[unsafe(no_mangle)]
        pub extern "C" fn nas_evaluator_0_3() -> $crate::native::FunctionTable {
            $crate::native::table::<$evaluator>()
        }
    };
}

fn answer(status: Status, bytes: Vec<u8>) -> Answer {
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    Answer { status: status as u32, data: bytes.as_mut_ptr(), length: bytes.len(), capacity: bytes.capacity() }
}

/// Returns the message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    message.unwrap_or("without a message").to_owned()
}

/// Runs the code and turns its result, error or panic into an answer.
fn guarded<T: Serialize>(code: impl FnOnce() -> Result<T>) -> Answer {
    match catch_unwind(AssertUnwindSafe(|| code().and_then(|value| encode(&value)))) {
        Ok(Ok(bytes)) => answer(Status::Done, bytes),
        Ok(Err(error)) => answer(Status::Refused, error.to_string().into_bytes()),
        Err(panic) => answer(Status::Panicked, panic_message(panic.as_ref()).into_bytes()),
    }
}

extern "C" fn describe<E: EvaluatorPlugin>() -> Answer {
    guarded(|| Ok(E::info()))
}

unsafe extern "C" fn open<E: EvaluatorPlugin>(data: *const u8, length: usize, instance: *mut *mut c_void) -> Answer {
    guarded(|| -> Result<InstanceInfo> {
        // SAFETY: the caller of `FunctionTable::open` promises readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        let Open { settings, checkpoints } = decode(bytes)?;
        let evaluator = E::open(&settings, checkpoints.as_deref())?;
        let opened = evaluator.instance_info();
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
        call_instance(instance, data, length, callbacks, |evaluator: &E, request, host| {
            evaluator.evaluate(&request, host)
        })
    }
}

unsafe extern "C" fn train<E: EvaluatorPlugin>(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe {
        call_instance(instance, data, length, callbacks, |evaluator: &E, request, host| evaluator.train(&request, host))
    }
}

/// # Safety
/// As for [`LongCall`]; the instance must come from `open::<E>`.
unsafe fn call_instance<E: EvaluatorPlugin, Q: DeserializeOwned, A: Serialize>(
    instance: *const c_void,
    data: *const u8,
    length: usize,
    callbacks: *const Callbacks,
    code: impl FnOnce(&E, Q, &dyn Monitor) -> Result<A>,
) -> Answer {
    guarded(|| {
        // SAFETY: the instance came from `open::<E>` of this library and has not been closed; evaluators are `Sync`.
        let evaluator =
            unsafe { instance.cast::<E>().as_ref() }.ok_or_else(|| Error::new("the instance is a null pointer"))?;
        // SAFETY: the caller promises readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        let request = decode(bytes)?;
        // SAFETY: the caller promises that the callbacks are readable until this call returns.
        let callbacks = unsafe { callbacks.as_ref() }.ok_or_else(|| Error::new("the callbacks are a null pointer"))?;
        code(evaluator, request, &Host(callbacks))
    })
}

/// The monitor on the host's side of the border.
struct Host<'a>(&'a Callbacks);

// SAFETY: the host allows calls of its callbacks from any thread while the call lasts (see `Callbacks`).
unsafe impl Sync for Host<'_> {}

impl Monitor for Host<'_> {
    fn stopped(&self) -> bool {
        (self.0.stopped)(self.0.context)
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        // A point that cannot be encoded reaches the host as no bytes, which the host refuses.
        let bytes = encode(&point).unwrap_or_default();
        // SAFETY: the bytes are readable while the call lasts.
        let verdict = unsafe { (self.0.report)(self.0.context, bytes.as_ptr(), bytes.len()) };
        match verdict {
            0 => Verdict::Continue,
            1 => Verdict::Pruned,
            _ => Verdict::Stopped,
        }
    }

    fn notice(&self, line: &str) {
        // SAFETY: the bytes are readable while the call lasts.
        unsafe { (self.0.notice)(self.0.context, line.as_ptr(), line.len()) };
    }
}

unsafe extern "C" fn close<E: EvaluatorPlugin>(instance: *mut c_void) {
    if !instance.is_null() {
        // A panic in a destructor must not cross the border, and `close` returns nothing that could hold its message.
        let _ = catch_unwind(|| {
            // SAFETY: `open` made the pointer by `Box::into_raw`, and the caller promises that this is its last use.
            drop(unsafe { Box::from_raw(instance.cast::<E>()) });
        });
    }
}

unsafe extern "C" fn free(answer: Answer) {
    // SAFETY: the three parts come from a `Vec<u8>` of this library (see `answer`), and the caller frees them once.
    drop(unsafe { Vec::from_raw_parts(answer.data, answer.length, answer.capacity) });
}
