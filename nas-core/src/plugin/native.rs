//! Native evaluators, which are dynamic libraries. No other module uses libloading.

use std::ffi::c_void;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use libloading::Library;
use nas_api::codec::{decode, encode};
use nas_api::native::{ABI_VERSION, Answer, Callbacks, EARLIER_SYMBOLS, FunctionTable, LongCall, Open, SYMBOL, Status};
use nas_api::{
    CurvePoint, Error, Evaluator, EvaluatorInfo, InstanceInfo, Measurement, Monitor, Request, Result, Settings,
    TrainRequest, Trained, Verdict,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identity::digest;
use super::{EvaluatorSource, Identity, Kind, Origin, PluginError};

/// A loaded library. Its code stays mapped as long as anything that was made from it.
struct Loaded {
    table: FunctionTable,
    _library: Library,
}

/// What is known of a library without loading it: its file, and the digest of its bytes.
///
/// # Errors
/// The file cannot be read.
pub(super) fn identify(path: &Path) -> Result<Identity, PluginError> {
    let bytes = std::fs::read(path).map_err(|error| PluginError {
        plugin: format!("library {}", path.display()),
        call: String::new(),
        problem: format!("cannot be read: {error}"),
        remedy: "check the path".to_owned(),
    })?;
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Identity {
        kind: Kind::Evaluator,
        name: stem.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(&stem).to_owned(),
        version: String::new(),
        origin: Origin::Library(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
        digest: Some(digest(&bytes)),
    })
}

/// An evaluator in a dynamic library.
pub(super) struct NativeSource {
    loaded: Arc<Loaded>,
    identity: Identity,
    info: EvaluatorInfo,
}

impl NativeSource {
    /// Loads a library and checks its ABI version. Loading runs the library's code, which is trusted, unlike a
    /// component.
    ///
    /// # Errors
    /// The library cannot be read or loaded, has another ABI version, or cannot describe itself.
    pub fn load(path: &Path) -> Result<Self, PluginError> {
        let refuse = |problem: String, remedy: &str| PluginError {
            plugin: format!("library {}", path.display()),
            call: String::new(),
            problem,
            remedy: remedy.to_owned(),
        };
        let mut identity = identify(path)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // SAFETY: this runs the library's initializers. The registry has checked that the user allows it.
        let library = unsafe { Library::new(&absolute) }
            .map_err(|error| refuse(format!("cannot be loaded: {error}"), "it must be built for this machine"))?;
        // SAFETY: the symbol is only looked up and never used.
        let exports = |symbol: &str| unsafe { library.get::<*const c_void>(symbol.as_bytes()) }.is_ok();
        // SAFETY: the symbol's name includes the version of its type.
        let entry = unsafe { library.get::<extern "C" fn() -> FunctionTable>(SYMBOL.as_bytes()) };
        let entry = entry.map_err(|_| match EARLIER_SYMBOLS.into_iter().find(|symbol| exports(symbol)) {
            Some(earlier) => {
                let problem = format!("was built for an earlier native ABI ({earlier}); this program speaks {SYMBOL}");
                refuse(problem, "rebuild it against this version's nas-api or nas_evaluator.h")
            }
            None => {
                refuse(format!("has no symbol {SYMBOL}"), "export an evaluator with nas_api::export_native_evaluator!")
            }
        })?;
        let table = entry();
        if table.abi_version != ABI_VERSION {
            let version = table.abi_version;
            return Err(refuse(
                format!("speaks version {version} of the native ABI; this program speaks {ABI_VERSION}"),
                "rebuild it against this version's nas-api",
            ));
        }
        let loaded = Arc::new(Loaded { table, _library: library });
        let described = (loaded.table.describe)();
        let info: EvaluatorInfo =
            loaded.take(described).map_err(|error| PluginError::from_api(&identity, "describe", error))?;
        identity.name_itself(&info.name, &info.version)?;
        if info.trains.is_some() && loaded.table.train.is_none() {
            let problem = "it says that it trains networks in full, and has no function for it";
            let error = PluginError::new(&identity, "describe", problem);
            return Err(error.remedy("fill in `train` of its table, or have `describe` say that it does not"));
        }
        Ok(Self { loaded, identity, info })
    }
}

/// Why a call has no result.
enum CallError {
    Refused(String),
    Panicked(String),
}

impl Loaded {
    /// Decodes an answer and returns its memory to the library.
    fn take<T: DeserializeOwned>(&self, answer: Answer) -> Result<T> {
        match self.read(answer) {
            Ok(bytes) => decode(&bytes),
            Err(CallError::Refused(message)) => Err(Error::new(message)),
            Err(CallError::Panicked(message)) => Err(Error::new(format!("it panicked: {message}"))),
        }
    }

    /// Copies the bytes of an answer and returns its memory to the library.
    fn read(&self, answer: Answer) -> Result<Vec<u8>, CallError> {
        let bytes = if answer.length == 0 {
            Vec::new()
        } else {
            // SAFETY: the library promises that `data..data+length` is readable until the answer is freed.
            unsafe { std::slice::from_raw_parts(answer.data, answer.length) }.to_vec()
        };
        let status = answer.status;
        // SAFETY: the answer came from this library and is freed once, here.
        unsafe { (self.table.free)(answer) };
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match status {
            status if status == Status::Done as u32 => Ok(bytes),
            status if status == Status::Refused as u32 => Err(CallError::Refused(text())),
            status if status == Status::Panicked as u32 => Err(CallError::Panicked(text())),
            status => Err(CallError::Refused(format!("it answered with the unknown status {status}"))),
        }
    }
}

impl EvaluatorSource for NativeSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn info(&self) -> Result<EvaluatorInfo, PluginError> {
        Ok(self.info.clone())
    }

    fn open(&self, settings: &Settings, checkpoints: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError> {
        let failed = |error| PluginError::from_api(&self.identity, "open", error);
        let open = Open { settings: settings.clone(), checkpoints: checkpoints.map(Path::to_owned) };
        let bytes = encode(&open).map_err(failed)?;
        let mut instance = std::ptr::null_mut();
        // SAFETY: the bytes are readable and `instance` is writable during the call.
        let answer = unsafe { (self.loaded.table.open)(bytes.as_ptr(), bytes.len(), &raw mut instance) };
        let opened = self.loaded.take(answer).map_err(failed)?;
        Ok(Arc::new(NativeEvaluator { loaded: self.loaded.clone(), identity: self.identity.clone(), instance, opened }))
    }
}

struct NativeEvaluator {
    loaded: Arc<Loaded>,
    identity: Identity,
    instance: *mut c_void,
    opened: InstanceInfo,
}

// SAFETY: the ABI allows any thread to call the functions of an instance, also at the same time.
unsafe impl Send for NativeEvaluator {}
// SAFETY: as above.
unsafe impl Sync for NativeEvaluator {}

impl Drop for NativeEvaluator {
    fn drop(&mut self) {
        // SAFETY: `open` made the instance. No call is in progress, because calls borrow `self`, and none can follow.
        unsafe { (self.loaded.table.close)(self.instance) };
    }
}

/// The receiver of the callbacks of one measurement or final training.
struct CallbackContext<'a> {
    monitor: &'a dyn Monitor,
    /// The first error in what the library reported.
    defect: Mutex<Option<Error>>,
}

impl CallbackContext<'_> {
    fn callbacks(&self) -> Callbacks {
        Callbacks { context: (&raw const *self).cast(), stopped, report, notice }
    }

    fn defect(self) -> Option<Error> {
        self.defect.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a defect of the library, whose result is then an error, and stops the work.
    fn blame(&self, error: Error) -> u32 {
        // The first defect is the cause of later ones.
        self.defect.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        Verdict::Stopped as u32
    }
}

/// The receiver behind the pointer that callbacks are given.
///
/// # Safety
/// The context is that of [`CallbackContext::callbacks`], and the call that it was made for has not returned.
unsafe fn context_of<'a>(context: *const c_void) -> &'a CallbackContext<'a> {
    // SAFETY: as above.
    unsafe { &*context.cast::<CallbackContext<'a>>() }
}

/// The bytes that a callback was given.
///
/// # Safety
/// `data..data+length` is readable.
unsafe fn bytes<'a>(data: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: as above. The pointer of an empty slice may be null, which `from_raw_parts` does not allow.
    if length == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, length) } }
}

extern "C" fn stopped(context: *const c_void) -> bool {
    // SAFETY: libraries promise to pass the context that they were given, and only before the call returns.
    unsafe { context_of(context) }.monitor.stopped()
}

unsafe extern "C" fn report(context: *const c_void, data: *const u8, length: usize) -> u32 {
    // SAFETY: as in `stopped`.
    let receiver = unsafe { context_of(context) };
    // SAFETY: libraries promise readable bytes.
    match decode::<CurvePoint>(unsafe { bytes(data, length) }) {
        Ok(report) => receiver.monitor.report(report) as u32,
        Err(error) => receiver.blame(Error::new(format!("its report cannot be read: {error}"))),
    }
}

unsafe extern "C" fn notice(context: *const c_void, data: *const u8, length: usize) {
    // SAFETY: as in `report`.
    let (receiver, text) = unsafe { (context_of(context), bytes(data, length)) };
    receiver.monitor.notice(&String::from_utf8_lossy(text));
}

impl Evaluator for NativeEvaluator {
    fn instance_info(&self) -> InstanceInfo {
        self.opened.clone()
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        self.work("evaluate", self.loaded.table.evaluate, request, monitor)
    }

    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let train = self.loaded.table.train;
        let train =
            train.ok_or_else(|| PluginError::new(&self.identity, "train", "it cannot train networks in full"))?;
        self.work("train", train, request, monitor)
    }
}

impl NativeEvaluator {
    /// Calls a function that works on a request and reports to the monitor meanwhile.
    fn work<Q: Serialize, A: DeserializeOwned>(
        &self,
        call: &str,
        function: LongCall,
        request: &Q,
        monitor: &dyn Monitor,
    ) -> Result<A> {
        let bytes = encode(request)?;
        let receiver = CallbackContext { monitor, defect: Mutex::new(None) };
        let callbacks = receiver.callbacks();
        // SAFETY: the instance is open, the bytes are readable and the callbacks are valid during the call.
        let answer = unsafe { function(self.instance, bytes.as_ptr(), bytes.len(), &raw const callbacks) };
        let answer = self.loaded.read(answer);
        let refused = |error| PluginError::from_api(&self.identity, call, error).into();
        if let Some(defect) = receiver.defect() {
            return Err(refused(defect));
        }
        match answer {
            Ok(bytes) => decode(&bytes).map_err(refused),
            Err(CallError::Refused(message)) => Err(refused(Error::new(message))),
            // The panic goes on here, as with a built-in evaluator, and the caller catches it.
            Err(CallError::Panicked(message)) => std::panic::resume_unwind(Box::new(message)),
        }
    }
}
