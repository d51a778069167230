//! Conversions between the contract's types and those of `nas-api`. Their fields are the same, and the compiler reports
//! any that is forgotten.

use nas_api as api;

use super::bindings::evaluator::exports::nas::plugin::evaluator as wit_evaluator;
use super::bindings::space::exports::nas::plugin::space as wit_space;
use super::bindings::strategy::exports::nas::plugin::strategy as wit_strategy;
use super::bindings::strategy::nas::plugin::space as asked_space;
use super::bindings::{architecture, types};

/// Conversion into the contract's type.
pub trait IntoWit<T> {
    /// Converts the value.
    fn into_wit(self) -> T;
}

/// Conversion from the contract's type.
pub trait FromWit<T> {
    /// Converts the value.
    fn from_wit(wit: T) -> Self;
}

impl<A: IntoWit<B>, B> IntoWit<Vec<B>> for Vec<A> {
    fn into_wit(self) -> Vec<B> {
        self.into_iter().map(IntoWit::into_wit).collect()
    }
}

impl<A: FromWit<B>, B> FromWit<Vec<B>> for Vec<A> {
    fn from_wit(wit: Vec<B>) -> Self {
        wit.into_iter().map(A::from_wit).collect()
    }
}

/// Implements both directions for a record whose fields have the same names. Fields after the first `;` are converted;
/// those after the second one are not in the contract and get their default.
macro_rules! record {
    ($api:path, $wit:path { $($same:ident),* $(; $($converted:ident),* $(; $($ours:ident),*)?)? }) => {
        impl IntoWit<$wit> for $api {
            fn into_wit(self) -> $wit {
                let Self { $($same,)* $($($converted,)* $($($ours: _,)*)?)? } = self;
                $wit { $($same,)* $($($converted: $converted.into_wit(),)*)? }
            }
        }
        impl FromWit<$wit> for $api {
            fn from_wit(wit: $wit) -> Self {
                let $wit { $($same,)* $($($converted,)*)? } = wit;
                Self {
                    $($same,)*
                    $($($converted: FromWit::from_wit($converted),)* $($($ours: Default::default(),)*)?)?
                }
            }
        }
    };
}

record!(api::Metric, types::Metric { name, value });
record!(api::Decision, types::Decision { name, choices, ordered });
record!(api::Range, types::Range { min, max });
record!(api::Setting, types::Setting { name; value });
record!(api::Parameter, types::Parameter { name, description; kind, default, role });
record!(api::Objective, types::Objective { metric; goal });
record!(api::Constraint, types::Constraint { metric, limit; goal });
record!(api::Proposal, types::Proposal { fidelity, resume; candidate });
record!(api::Failure, types::Failure { reason, violation });
record!(api::Observation, types::Observation { trial, fidelity, metrics, gradient, cost; candidate, failure });
record!(api::Node, architecture::Node { name, inputs; op, attributes });
record!(api::Graph, architecture::Graph { outputs; nodes });
record!(api::Task, architecture::Task { input_shape, outputs, kind; settings });
record!(api::MetricInfo, wit_evaluator::MetricInfo { name, unit, hidden, description; better });
record!(api::EvaluatorInfo, wit_evaluator::EvaluatorInfo {
    name, version, description, fidelity_unit, accepts_relaxed, resumes, graphs; metrics, parameters; trains });
record!(api::InstanceInfo, wit_evaluator::InstanceInfo {
    fidelities, space, simulated; task, metrics, space_settings, objectives, best; intermediate_metrics, data });
record!(api::Request, wit_evaluator::Request {
    trial, key, text, fidelity, resume, keep_checkpoint, seed; candidate, graph; prunable });
record!(api::Measurement, wit_evaluator::Measurement { gradient, cost; metrics, failure });
record!(api::StrategyInfo, wit_strategy::StrategyInfo {
    name, version, description, reference; needs, serves, parameters });
record!(api::Study, wit_strategy::Study {
    metrics, seed, trials, total_fidelity, workers, fidelities; objectives, constraints, settings });
record!(api::SpaceInfo, wit_space::SpaceInfo {
    name, version, log10_size, conditional, standard, description, reference; decisions });
record!(api::SpaceInfo, asked_space::SpaceInfo {
    name, version, log10_size, conditional, standard, description, reference; decisions });

/// Implements both directions for a set of flags, which `nas-api` has as a struct of booleans.
macro_rules! flags {
    ($api:path, $wit:path { $($field:ident $flag:ident),* }) => {
        impl IntoWit<$wit> for $api {
            fn into_wit(self) -> $wit {
                use $wit as W;
                let mut flags = W::empty();
                $(if self.$field {
                    flags |= W::$flag;
                })*
                flags
            }
        }
        impl FromWit<$wit> for $api {
            fn from_wit(wit: $wit) -> Self {
                use $wit as W;
                Self { $($field: wit.contains(W::$flag)),* }
            }
        }
    };
}

flags!(api::Needs, wit_strategy::Needs { fidelities FIDELITIES, resume RESUME, gradients GRADIENTS });
flags!(api::Serves, wit_strategy::Serves {
    several_objectives SEVERAL_OBJECTIVES, resume RESUME, batched_asks BATCHED_ASKS });

/// Implements both directions for an enumeration whose cases have the same names: cases whose value is the same type,
/// cases whose value is converted, and cases without a value.
macro_rules! variant {
    ($api:path, $wit:path { $($same:ident),* ; $($converted:ident),* ; $($plain:ident),* }) => {
        impl IntoWit<$wit> for $api {
            fn into_wit(self) -> $wit {
                use $api as A;
                use $wit as W;
                match self {
                    $(A::$same(value) => W::$same(value),)*
                    $(A::$converted(value) => W::$converted(value.into_wit()),)*
                    $(A::$plain => W::$plain,)*
                }
            }
        }
        impl FromWit<$wit> for $api {
            fn from_wit(wit: $wit) -> Self {
                use $api as A;
                use $wit as W;
                match wit {
                    $(W::$same(value) => A::$same(value),)*
                    $(W::$converted(value) => A::$converted(FromWit::from_wit(value)),)*
                    $(W::$plain => A::$plain,)*
                }
            }
        }
    };
}

variant!(api::Goal, types::Goal { ; ; Minimize, Maximize });
variant!(api::Role, types::Role { ; ; Plain, Path, Data, Device, Recipe, Fidelity });
variant!(api::Candidate, types::Candidate { Discrete, Relaxed ; ; });
variant!(api::Value, types::Value { Truth, Number, Text, Numbers, Texts ; ; });
variant!(api::ParameterKind, types::ParameterKind { OneOf ; Integer, Number ; Truth, Text, Numbers, Texts });
variant!(api::Attribute, architecture::Attribute { Int, Ints, Float, Floats, Text ; ; });

impl<A: IntoWit<B>, B> IntoWit<Option<B>> for Option<A> {
    fn into_wit(self) -> Option<B> {
        self.map(IntoWit::into_wit)
    }
}

impl<A: FromWit<B>, B> FromWit<Option<B>> for Option<A> {
    fn from_wit(wit: Option<B>) -> Self {
        wit.map(A::from_wit)
    }
}

impl IntoWit<String> for api::Symbol {
    fn into_wit(self) -> String {
        self.into()
    }
}

impl FromWit<String> for api::Symbol {
    fn from_wit(wit: String) -> Self {
        wit.into()
    }
}

impl<A: IntoWit<B>, B> IntoWit<(String, B)> for (api::Symbol, A) {
    fn into_wit(self) -> (String, B) {
        (self.0.into(), self.1.into_wit())
    }
}

impl<A: FromWit<B>, B> FromWit<(String, B)> for (api::Symbol, A) {
    fn from_wit(wit: (String, B)) -> Self {
        (wit.0.into(), A::from_wit(wit.1))
    }
}

impl IntoWit<Vec<types::Setting>> for api::Settings {
    fn into_wit(self) -> Vec<types::Setting> {
        self.0.into_wit()
    }
}

impl FromWit<Vec<types::Setting>> for api::Settings {
    fn from_wit(wit: Vec<types::Setting>) -> Self {
        Self(FromWit::from_wit(wit))
    }
}
