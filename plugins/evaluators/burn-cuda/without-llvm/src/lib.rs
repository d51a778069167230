//! What `cubecl-cuda` names of `cubecl-llvm`, without LLVM: kernels then go through NVRTC (`cubecl-cuda/cpp`), and the
//! way through LLVM, which nobody takes, is an error.
//!
//! The build script of the real crate downloads LLVM, 1 GB of it, which not every machine may.

use std::ffi::c_char;

use cubecl_core::Compiler;
use cubecl_core::ir::amd::GfxArch;
use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::compiler::CompilationError;
use cubecl_runtime::kernel::BufferIOAttr;

/// What kernels would be compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// This machine's processor.
    #[default]
    Cpu,
    /// NVIDIA's GPUs.
    Nvptx,
}

/// Compiles nothing.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// For what.
    pub target: LlvmTarget,
}

/// The options of the real crate that `cubecl-cuda` sets.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// Of AMD's GPUs.
    pub arch: Option<GfxArch>,
    /// Of NVIDIA's GPUs.
    pub sm_arch: Option<SmArch>,
    /// What the driver loads.
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    /// How launch parameters are passed.
    pub grid_constants: bool,
}

/// A kernel that LLVM would have compiled.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// The assembly.
    pub ptx: Vec<c_char>,
    /// The kernel's name.
    pub entrypoint: String,
    /// For logs.
    pub ir: String,
    /// In bytes, of each launch.
    pub shared_memory_size: usize,
    /// How each buffer is used.
    pub io: Vec<BufferIOAttr>,
}

/// What the real compiler returns.
#[derive(Clone, Debug)]
pub enum PlironArtifact {
    /// For the processor.
    Jit,
    /// For NVIDIA's GPUs.
    NvptxCode(NvptxModule),
}

impl std::fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Jit => Ok(()),
            Self::NvptxCode(module) => f.write_str(&module.ir),
        }
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(&mut self, _: KernelDefinition, _: &PlironOptions) -> Result<PlironArtifact, CompilationError> {
        let reason = "this library was built without LLVM: kernels go through NVRTC".to_owned();
        Err(CompilationError::Generic { reason, backtrace: BackTrace::capture() })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}

/// NVIDIA's GPUs.
pub mod nvptx {
    /// Versions of PTX.
    pub mod ptx_version {
        /// A version of PTX, which NVRTC chooses by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct PtxVersion;

        impl PtxVersion {
            /// None: NVRTC chooses.
            pub fn for_driver(_: i32) -> Option<Self> {
                None
            }
        }

        impl std::fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("ptx")
            }
        }
    }
}

/// What both kinds of GPU share.
pub mod shared {
    /// What LLVM can lower.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// A kind of GPU.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Changes nothing: NVRTC can do all that the device can.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}
