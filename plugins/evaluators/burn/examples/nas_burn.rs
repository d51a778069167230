//! The evaluator `burn` for the CPU as a dynamic library, from the same crate that is built into the command line.

nas_api::export_native_evaluator!(nas_evaluator_burn::BurnEvaluator);
