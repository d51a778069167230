//! Checks that this machine has what CUDA needs.

use cudarc::driver::{result, sys};

/// The reason why a GPU cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The library of the driver is missing.
    #[error(
        "this machine has no NVIDIA driver (libcuda.so cannot be loaded): install the driver, give a container access \
         to the GPU, or train on the CPU with --device cpu"
    )]
    Driver,
    /// The library exists but does not work.
    #[error("the NVIDIA driver does not start: {0}; `nvidia-smi` may say more. --device cpu trains on the CPU")]
    Broken(String),
    /// There is no GPU with this number.
    #[error("{0}. --device cpu trains on the CPU")]
    Gpu(String),
    /// The compiler of kernels is missing.
    #[cfg(feature = "nvrtc")]
    #[error(
        "{0}; this library was built without LLVM, so that it needs CUDA's toolkit: install it, or train on the CPU \
         with --device cpu"
    )]
    Toolkit(String),
}

/// Checks that the GPU with this number can be used, and returns its model.
///
/// # Errors
///
/// Fails if the driver, the GPU or the toolkit is missing or does not work.
pub fn check(number: usize) -> Result<String, Missing> {
    // SAFETY: this loads the driver's library, which runs its initialisers, and unloads it; burn would load the same
    // library.
    if !unsafe { sys::is_culib_present() } {
        return Err(Missing::Driver);
    }
    let broken = |error: result::DriverError| Missing::Broken(error.to_string());
    let count = result::init().and_then(|()| result::device::get_count()).map_err(|error| match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => Missing::Gpu("the NVIDIA driver finds no GPU".into()),
        _ => broken(error),
    })?;
    if usize::try_from(count).is_ok_and(|count| number < count) {
        toolkit()?;
        return device(number).and_then(result::device::get_name).map_err(broken);
    }
    Err(Missing::Gpu(match count {
        0 => "the NVIDIA driver finds no GPU".into(),
        1 => "this machine has one GPU, cuda:0".into(),
        _ => format!("this machine has {count} GPUs, cuda:0 to cuda:{}", count - 1),
    }))
}

/// The compute capability of a GPU that [`check`] has accepted.
pub fn capability(number: usize) -> Option<(i32, i32)> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let device = device(number).ok()?;
    // SAFETY: the driver has just returned this device, and GPUs do not disappear.
    unsafe {
        let (major, minor) =
            (result::device::get_attribute(device, MAJOR), result::device::get_attribute(device, MINOR));
        Some((major.ok()?, minor.ok()?))
    }
}

/// The driver's handle of a GPU.
fn device(number: usize) -> Result<sys::CUdevice, result::DriverError> {
    i32::try_from(number)
        .map_or(Err(result::DriverError(sys::CUresult::CUDA_ERROR_INVALID_DEVICE)), result::device::get)
}

/// Nothing is needed: LLVM is part of the library.
#[cfg(not(feature = "nvrtc"))]
fn toolkit() -> Result<(), Missing> {
    Ok(())
}

/// Checks for NVRTC and the headers that it reads.
#[cfg(feature = "nvrtc")]
fn toolkit() -> Result<(), Missing> {
    // SAFETY: this loads the library, which runs its initialisers, and unloads it; burn would load the same library.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(Missing::Toolkit("CUDA's compiler (libnvrtc.so) cannot be loaded".into()));
    }
    let headers = cubecl_cuda::install::cuda_path().map(|path| path.join("include/cuda_runtime.h"));
    match headers {
        Some(header) if header.is_file() => Ok(()),
        Some(header) => {
            Err(Missing::Toolkit(format!("there is no {}: CUDA_PATH must name CUDA's folder", header.display())))
        }
        None => Err(Missing::Toolkit("CUDA's headers are not found: CUDA_PATH must name its folder".into())),
    }
}
