//! The devices on which networks are trained. This crate provides the CPU; a library built around it provides the
//! devices it was compiled for.

use std::fmt;

use burn::tensor::Device;
use nas_api::{Error, Result};

use crate::precision::Precision;

/// A device by the name that users write, such as `cpu` or `cuda:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The CPU of this machine.
    Cpu,
    /// An NVIDIA GPU, by its number among those that the driver shows.
    Cuda(usize),
}

impl Place {
    /// Parses a name; `cuda` means `cuda:0`.
    ///
    /// # Errors
    ///
    /// Fails if the name is none of `cpu`, `cuda` and `cuda:<number>`.
    pub fn named(name: &str) -> Result<Self> {
        let place = match name.split_once(':') {
            None if name == "cpu" => Some(Self::Cpu),
            None if name == "cuda" => Some(Self::Cuda(0)),
            // Parsing as `usize` alone would accept a sign.
            Some(("cuda", number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.parse().ok().map(Self::Cuda)
            }
            _ => None,
        };
        place.ok_or_else(|| Error::new(format!("'device' must be cpu or cuda:0 (cuda:1, ...), but is \"{name}\"")))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// The devices that a build of the evaluator can train on.
pub trait Devices: Send + Sync + 'static {
    /// The name of the evaluator with these devices.
    const NAME: &'static str;
    /// What the evaluator does, in one sentence.
    const DESCRIPTION: &'static str;
    /// The device that is used if the user names none.
    const DEFAULT: Place;

    /// Opens a device. It is ready when this returns, so that a missing device is an error of the study and not of
    /// every trial.
    ///
    /// # Errors
    ///
    /// Fails if the device is not available, and says what is missing.
    fn open(place: Place) -> Result<Device>;

    /// Whether an open device computes in this precision. The default asks the backend, which may not know the limits
    /// of the hardware.
    fn has(_place: Place, device: &Device, precision: Precision) -> bool {
        device.supports_dtype(precision.float())
    }
}

impl Precision {
    /// Checks that a device computes in this precision.
    ///
    /// # Errors
    ///
    /// Fails if it does not, and names the precisions.
    pub fn check<D: Devices>(self, place: Place, device: &Device) -> Result<()> {
        if D::has(place, device, self) {
            return Ok(());
        }
        Err(Error::new(format!(
            "'precision' is {self}, in which {place} does not compute: set it to another of {}",
            Self::NAMES.join(", ")
        )))
    }
}

/// The CPU only: the devices of the evaluator that is built into the command line.
#[derive(Debug)]
pub struct Cpu;

impl Devices for Cpu {
    const NAME: &'static str = "burn";
    const DESCRIPTION: &'static str = "Trains each candidate on images, tables or text with burn, on the CPU.";
    const DEFAULT: Place = Place::Cpu;

    fn open(place: Place) -> Result<Device> {
        match place {
            Place::Cpu => Ok(Device::flex()),
            Place::Cuda(_) => Err(Error::new(format!(
                "'device' is {place}, but this evaluator trains on the CPU only: GPUs need the CUDA library. \
                 `cargo xtask cuda` builds it and says where it is; name that file with --evaluator"
            ))),
        }
    }
}

/// Turns a panic of burn, which is how it reports the failure of a device, into a message for users if the cause is
/// known.
pub fn explained(panic: String) -> String {
    // `IoError::{OutOfMemory, BufferTooBig}` of cubecl, as displayed and as debug output, and the driver's own error.
    const MEMORY: [&str; 5] =
        ["out of device memory", "OutOfMemory", "can't allocate buffer", "BufferTooBig", "CUDA_ERROR_OUT_OF_MEMORY"];
    if MEMORY.iter().any(|words| panic.contains(words)) {
        return "the device's memory ran out; a smaller 'batch_size', or fewer --workers on one GPU, may help".into();
    }
    panic
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn devices_are_parsed_from_the_names_that_they_display() {
        for (name, place) in [("cpu", Place::Cpu), ("cuda:0", Place::Cuda(0)), ("cuda:12", Place::Cuda(12))] {
            assert_eq!(Place::named(name).unwrap(), place);
            assert_eq!(place.to_string(), name);
        }
        assert_eq!(Place::named("cuda").unwrap(), Place::Cuda(0));
        for wrong in ["", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:+1", "cuda:0x", "cuda:99999999999999999999"]
        {
            let words = Place::named(wrong).unwrap_err().to_string();
            assert!(words.contains(&format!("but is \"{wrong}\"")), "{words}");
        }
    }

    #[test]
    fn the_cpu_build_says_how_to_get_to_a_gpu() {
        assert!(Cpu::open(Place::Cpu).is_ok());
        let words = Cpu::open(Place::Cuda(1)).unwrap_err().to_string();
        assert!(
            words.contains("cuda:1") && words.contains("cargo xtask cuda") && words.contains("--evaluator"),
            "{words}"
        );
    }

    #[test]
    fn running_out_of_memory_is_explained() {
        let panic =
            "Error while reading data: Generic { reason: \"out of device memory allocating 68719476736 bytes\" }";
        assert!(explained(panic.into()).contains("'batch_size'"));
        assert_eq!(explained("index out of range".into()), "index out of range");
    }
}
