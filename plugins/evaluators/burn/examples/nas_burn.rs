//! The evaluator `burn` as a dynamic library, for the CPU: the same crate that the command line has built in.

nas_api::export_native_evaluator!(nas_evaluator_burn::BurnEvaluator);
