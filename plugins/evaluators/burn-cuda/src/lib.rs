//! The evaluator `burn` for NVIDIA GPUs, as a library that `nas` loads. It is the same crate as the built-in evaluator.
//!
//! `nas plugin inspect libnas_burn_cuda.so` works on any machine; a GPU is needed only when a study opens the
//! evaluator.

mod cache;
mod driver;

use burn::tensor::Device;
use nas_api::{Error, Result, export_native_evaluator};
use nas_evaluator_burn::{Burn, Devices, Place, Precision};

/// NVIDIA GPUs, and the CPU for comparing the two.
#[derive(Debug)]
pub struct Cuda;

impl Devices for Cuda {
    const NAME: &'static str = "burn-cuda";
    const DESCRIPTION: &'static str =
        "Trains each candidate on images, tables or text with burn, on an NVIDIA GPU or the CPU.";
    const DEFAULT: Place = Place::Cuda(0);

    fn open(place: Place) -> Result<Device> {
        let Place::Cuda(number) = place else { return Ok(Device::flex()) };
        // Checked first, because burn panics if anything is missing.
        let gpu = driver::check(number).map_err(|missing| Error::new(format!("'device' is {place}, but {missing}")))?;
        cache::open(&gpu);
        let device = Device::cuda(number);
        device.sync().map_err(|error| Error::new(format!("'device' is {place}, which does not answer: {error}")))?;
        Ok(device)
    }

    /// cubecl assumes that every GPU computes in bf16. In fact, bf16 needs compute capability 8.0, and half precision
    /// needs 5.3.
    fn has(place: Place, device: &Device, precision: Precision) -> bool {
        let least = match precision {
            Precision::F32 => (0, 0),
            Precision::F16 => (5, 3),
            Precision::Bf16 => (8, 0),
        };
        let capable = match place {
            Place::Cpu => true,
            Place::Cuda(number) => driver::capability(number).is_some_and(|capability| capability >= least),
        };
        capable && device.supports_dtype(precision.float())
    }
}

export_native_evaluator!(Burn<Cuda>);
