//! The native versions of the export macros, which export nothing: plugins compile and are tested like any other code,
//! and the names that a component exports do not reach the host's linker, which rejects them.

/// Exports a [`StrategyPlugin`](crate::StrategyPlugin) as a component.
///
/// This has an effect only in a build for `wasm32`; a package can export one plugin.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        const _: fn() -> $crate::StrategyInfo = <$strategy as $crate::StrategyPlugin>::info;
    };
}

/// Exports a [`SearchSpace`](crate::SearchSpace) as a component.
///
/// This has an effect only in a build for `wasm32`; a package can export one plugin.
#[macro_export]
macro_rules! export_space {
    ($space:ty) => {
        const _: fn() -> Vec<$crate::Parameter> = <$space as $crate::SearchSpace>::parameters;
    };
}

/// Exports an [`EvaluatorPlugin`](crate::EvaluatorPlugin) as a component.
///
/// This has an effect only in a build for `wasm32`; a package can export one plugin.
#[macro_export]
macro_rules! export_evaluator {
    ($evaluator:ty) => {
        const _: fn() -> $crate::EvaluatorInfo = <$evaluator as $crate::EvaluatorPlugin>::info;
    };
}
