//! The evaluator `burn` on CUDA, as a library that `nas` loads: the same crate as the built-in one, with the GPUs of NVIDIA.
//!
//! `nas plugin inspect libnas_burn_cuda.so` works on any machine; a GPU is needed where a study opens the evaluator.

mod driver;

use burn::tensor::Device;
use nas_api::{Error, Result, export_native_evaluator};
use nas_evaluator_burn::{Burn, Devices, Place};

/// The GPUs, and the processor, for comparing the two.
#[derive(Debug)]
pub struct Cuda;

impl Devices for Cuda {
    const NAME: &'static str = "burn-cuda";
    const DESCRIPTION: &'static str =
        "Trains each candidate on images, tables or text with burn, on an NVIDIA GPU or the CPU.";
    const DEFAULT: Place = Place::Cuda(0);

    fn open(place: Place) -> Result<Device> {
        let Place::Cuda(number) = place else { return Ok(Device::flex()) };
        // burn panics where any of it is missing.
        driver::check(number).map_err(|missing| Error::new(format!("'device' is {place}, but {missing}")))?;
        let device = Device::cuda(number);
        device.sync().map_err(|error| Error::new(format!("'device' is {place}, which does not answer: {error}")))?;
        Ok(device)
    }
}

export_native_evaluator!(Burn<Cuda>);
