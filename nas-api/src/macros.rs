//! Natively the export macros do nothing: guest logic compiles and is tested like any other code, and the names that a
//! component exports do not reach the host's linker, which cannot bear them.

/// Turns a [`StrategyPlugin`](crate::StrategyPlugin) into a component when compiled for wasm32.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        const _: fn() -> $crate::StrategyInfo = <$strategy as $crate::StrategyPlugin>::info;
    };
}

/// Turns a [`SearchSpace`](crate::SearchSpace) into a component when compiled for wasm32.
#[macro_export]
macro_rules! export_space {
    ($space:ty) => {
        const _: fn() -> Vec<$crate::Parameter> = <$space as $crate::SearchSpace>::parameters;
    };
}

/// Turns an [`EvaluatorPlugin`](crate::EvaluatorPlugin) into a component when compiled for wasm32.
#[macro_export]
macro_rules! export_evaluator {
    ($evaluator:ty) => {
        const _: fn() -> $crate::EvaluatorInfo = <$evaluator as $crate::EvaluatorPlugin>::info;
    };
}
