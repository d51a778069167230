//! How networks are trained: the parameters that recipes are for.

use nas_api::{Error, Metric, Parameter, ParameterKind, Result, Role, Settings, Value};
use nas_data::{Examples, Kind, Targets};
use nas_network::Precision;
use nas_network::loss::Loss;

use crate::augment::{self, Augment};
use crate::epoch_order::Epoch;
use crate::optimizer::{Method, OptimizerConfig};
use crate::schedule::{Course, Schedule};

/// How networks are trained.
#[derive(Clone, Debug)]
pub struct Training {
    /// Examples that are run at once; 0: as many as fit the memory.
    pub batch_size: usize,
    /// MiB that a training may take, where there is no batch size.
    pub memory: u64,
    /// Batches whose gradients are averaged before each step.
    pub accumulate: usize,
    /// In which products are computed; also when nothing is learnt.
    pub precision: Precision,
    /// Tokens of a text that an epoch is trained on; 0: all of its windows.
    pub epoch_tokens: u32,
    /// What is minimised; images with boxes have [their own](crate::detection).
    pub loss: Loss,
    /// ε of the targets of cross entropy.
    pub label_smoothing: f64,
    /// For how large a part of the examples each `DropPath` is left out at the end of training.
    pub drop_path: f64,
    /// What the loss of an auxiliary head counts; 0: it is not trained.
    pub auxiliary_weight: f64,
    /// λ of the sum of absolute weights, added to the loss.
    pub l1: f64,
    /// λ of the sum of squared weights, added to the loss.
    pub l2: f64,
    /// How weights are changed.
    pub optimizer: OptimizerConfig,
    /// By how much.
    pub schedule: Schedule,
    /// The norm of all gradients together, at most; 0: any.
    pub clip_norm: f64,
    /// What is done to inputs.
    pub augment: Augment,
    /// Of a moving average of the weights; 0: there is none.
    pub ema_decay: f64,
    /// Epochs without a better validation after which a trial ends; 0: it never does.
    pub early_stopping: u32,
}

/// What a user may set.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::integer(
            "epochs",
            10,
            1,
            100_000,
            "of one trial at its full fidelity, and the horizon of the schedule",
        )
        .with_role(Role::Fidelity),
        Parameter::integer(
            "epoch_tokens",
            0,
            0,
            u32::MAX,
            "tokens of a text that count as an epoch, rounded up to whole steps; 0: an epoch is a pass over the text",
        ),
        Parameter::integer("batch_size", 64, 0, 1 << 20, "examples that are run at once; 0: as many as fit 'memory'"),
        Parameter::integer("memory", 0, 0, 1 << 24, "MiB that one training may take, where 'batch_size' is 0"),
        Parameter::integer("accumulate", 1, 1, 1 << 16, "batches whose gradients are averaged before each step"),
        Parameter::one_of(
            "precision",
            "f32",
            &Precision::NAMES,
            "of matrix products and convolutions; weights, sums, normalisations and losses have 32 bits (Micikevicius et al. 2018)",
        ),
    ];
    parameters.extend(optimizer());
    parameters.extend(schedule());
    parameters.extend(loss());
    parameters.extend(augment::parameters());
    parameters.extend(end());
    parameters
}

fn optimizer() -> Vec<Parameter> {
    vec![
        Parameter::one_of("optimizer", "adamw", &["sgd", "adam", "adamw"], "how weights are changed"),
        Parameter::number("learning_rate", 0.003, 1e-9, 100.0, "the greatest: at the start, or after the warm-up"),
        Parameter::number("momentum", 0.9, 0.0, 0.999_999, "of sgd"),
        Parameter::truth("nesterov", false, "sgd with Nesterov's momentum (Sutskever et al. 2013)"),
        Parameter::number("beta2", 0.999, 0.0, 0.999_999_9, "β₂ of adam and adamw; β₁ is 0.9"),
        Parameter::number(
            "weight_decay",
            0.01,
            0.0,
            1000.0,
            "λ of the optimizer: coupled in sgd and adam, decoupled in adamw",
        ),
        Parameter::number(
            "clip_norm",
            0.0,
            0.0,
            1e9,
            "the norm of all gradients together, at most (Pascanu et al. 2013); 0: any",
        ),
    ]
}

fn schedule() -> Vec<Parameter> {
    vec![
        Parameter::one_of(
            "schedule",
            "cosine",
            &["cosine", "steps", "constant"],
            "how the learning rate goes over the epochs",
        ),
        Parameter::number("min_learning_rate", 0.0, 0.0, 100.0, "of the cosine, at the end"),
        Parameter::number(
            "warmup_epochs",
            0.0,
            0.0,
            100_000.0,
            "epochs in which the learning rate grows from nearly 0, step by step (Goyal et al. 2017)",
        ),
        Parameter::new(
            "milestones",
            ParameterKind::Numbers,
            Value::Numbers(vec![0.5, 0.75]),
            "of the steps: parts of the training after which the learning rate falls (He et al. 2016)",
        ),
        Parameter::number("step_factor", 0.1, 0.0, 1.0, "what the learning rate is multiplied by at each milestone"),
    ]
}

fn loss() -> Vec<Parameter> {
    vec![
        Parameter::one_of(
            "loss",
            "auto",
            &["auto", "cross_entropy", "mse"],
            "auto: cross entropy for classes, mse for numbers; detection has its own",
        ),
        Parameter::number(
            "label_smoothing",
            0.0,
            0.0,
            0.999,
            "ε of the cross entropy's targets: (1 - ε) for the class, ε spread over all (Szegedy et al. 2016)",
        ),
        Parameter::number(
            "drop_path",
            0.0,
            0.0,
            0.99,
            "examples for which a path is left out, as a share that grows to this from epoch to epoch (Larsson et al. 2017)",
        ),
        Parameter::number(
            "auxiliary_weight",
            0.4,
            0.0,
            100.0,
            "what the loss of an auxiliary head counts, where the network has one (Szegedy et al. 2015); 0: it is left out",
        ),
        Parameter::number("l1", 0.0, 0.0, 1e6, "λ of the sum of absolute weights, added to the loss"),
        Parameter::number("l2", 0.0, 0.0, 1e6, "λ of the sum of squared weights, added to the loss"),
    ]
}

fn end() -> Vec<Parameter> {
    vec![
        Parameter::number(
            "ema_decay",
            0.0,
            0.0,
            0.999_999_9,
            "of a moving average of the weights, which is what is measured and saved; 0: the weights themselves",
        ),
        Parameter::integer(
            "early_stopping",
            0,
            0,
            100_000,
            "epochs without a better validation after which a trial ends (Prechelt 1998); 0: it never does",
        ),
    ]
}

impl Training {
    /// Reads the settings.
    pub fn of(settings: &Settings, kind: Kind) -> Result<Self> {
        let size = |name| settings.integer(name).map(|number| number as usize);
        let loss = loss_of(settings, kind)?;
        let label_smoothing = settings.number("label_smoothing")?;
        if label_smoothing > 0.0 && loss != Loss::CrossEntropy {
            return Err(Error::new("'label_smoothing' is for the loss \"cross_entropy\": set it to 0"));
        }
        if label_smoothing > 0.0 && kind == Kind::Detection {
            return Err(Error::new(
                "'label_smoothing' is not for detection, whose classes have a focal loss: set it to 0",
            ));
        }
        let (batch_size, memory) = (size("batch_size")?, settings.integer("memory")?.into());
        if batch_size == 0 && memory == 0 {
            return Err(Error::new(
                "'batch_size' is 0, so that it is chosen to fit: set 'memory' to the MiB that one training may take, \
                 those of --worker-memory if there is such a limit",
            ));
        }
        if batch_size > 0 && memory > 0 {
            return Err(Error::new(
                "'memory' is for a batch size that is chosen to fit: set 'batch_size' to 0, or leave it out",
            ));
        }
        Ok(Self {
            epoch_tokens: epoch_tokens_of(settings, kind)?,
            batch_size,
            memory,
            accumulate: size("accumulate")?,
            precision: Precision::named(settings.text("precision")?),
            loss,
            label_smoothing,
            drop_path: settings.number("drop_path")?,
            auxiliary_weight: settings.number("auxiliary_weight")?,
            l1: settings.number("l1")?,
            l2: settings.number("l2")?,
            optimizer: optimizer_of(settings)?,
            schedule: schedule_of(settings)?,
            clip_norm: settings.number("clip_norm")?,
            augment: Augment::of(settings)?,
            ema_decay: settings.number("ema_decay")?,
            early_stopping: settings.integer("early_stopping")?,
        })
    }
}

fn epoch_tokens_of(settings: &Settings, kind: Kind) -> Result<u32> {
    let tokens = settings.integer("epoch_tokens")?;
    if tokens > 0 && kind != Kind::Language {
        return Err(Error::new("'epoch_tokens' is for texts: set it to 0, which makes an epoch a pass over the data"));
    }
    if tokens > 0 && settings.integer("batch_size")? == 0 {
        return Err(Error::new(
            "'epoch_tokens' needs a 'batch_size': it is rounded up to whole steps, which would differ from network to \
             network where the batch size is chosen to fit",
        ));
    }
    let of_step = ["batch_size", "accumulate", "context"].map(|name| settings.integer(name).map(u64::from));
    let of_step = of_step.into_iter().product::<Result<u64>>()?;
    if tokens > 0 && u64::from(tokens) < of_step {
        let problem = format!(
            "'epoch_tokens' ({tokens}) are fewer than the {of_step} tokens of one step ('batch_size' times 'accumulate' \
             times 'context'): raise it, or lower one of them"
        );
        return Err(Error::new(problem));
    }
    Ok(tokens)
}

impl Training {
    /// How long an epoch of these examples is.
    pub fn epoch(&self, examples: &Examples, batch_size: usize) -> Epoch {
        Epoch::new(examples, self.epoch_tokens, batch_size.saturating_mul(self.accumulate))
    }

    /// The tokens of these examples that so many epochs are trained on, each as often as it was; of texts.
    pub fn trained_tokens(&self, examples: &Examples, batch_size: usize, epochs: u32) -> Option<Metric> {
        let tokens = || self.epoch(examples, batch_size).targets(epochs) as f64;
        matches!(examples.targets, Targets::Tokens { .. }).then(|| Metric::new("trained_tokens", tokens()))
    }
}

fn loss_of(settings: &Settings, kind: Kind) -> Result<Loss> {
    match (settings.text("loss")?, kind) {
        ("cross_entropy", Kind::Regression) => {
            Err(Error::new("'loss' cannot be \"cross_entropy\" where 'task' is \"regression\": there are no classes"))
        }
        ("cross_entropy" | "mse", Kind::Detection) => {
            Err(Error::new("'loss' must be \"auto\" for detection: focal loss of classes, GIoU of boxes, centreness"))
        }
        ("mse", Kind::Language) => Err(Error::new("'loss' cannot be \"mse\" for a text: its tokens are no numbers")),
        ("cross_entropy", _) | ("auto", Kind::Classification | Kind::Language | Kind::Detection) => {
            Ok(Loss::CrossEntropy)
        }
        _ => Ok(Loss::MeanSquaredError),
    }
}

fn optimizer_of(settings: &Settings) -> Result<OptimizerConfig> {
    let config = OptimizerConfig {
        method: match settings.text("optimizer")? {
            "sgd" => Method::Sgd,
            "adam" => Method::Adam,
            _ => Method::AdamW,
        },
        momentum: settings.number("momentum")?,
        nesterov: settings.truth("nesterov")?,
        beta2: settings.number("beta2")?,
        weight_decay: settings.number("weight_decay")?,
    };
    if config.nesterov && (config.method != Method::Sgd || config.momentum == 0.0) {
        return Err(Error::new("'nesterov' is for the optimizer \"sgd\" with 'momentum' above 0: set it to false"));
    }
    Ok(config)
}

fn schedule_of(settings: &Settings) -> Result<Schedule> {
    let (rate, epochs) = (settings.number("learning_rate")?, settings.integer("epochs")?);
    let warmup_epochs = settings.number("warmup_epochs")?;
    if warmup_epochs >= f64::from(epochs) {
        let problem = format!("'warmup_epochs' ({warmup_epochs}) must be fewer than 'epochs' ({epochs})");
        return Err(Error::new(problem));
    }
    let course = match settings.text("schedule")? {
        "constant" => Course::Constant,
        "steps" => {
            let milestones = settings.numbers("milestones")?.to_vec();
            if let Some(wrong) = milestones.iter().find(|milestone| !(0.0..=1.0).contains(*milestone)) {
                let problem = format!("'milestones' are parts of the training, from 0 to 1, but one is {wrong}");
                return Err(Error::new(problem));
            }
            Course::Steps { milestones, factor: settings.number("step_factor")? }
        }
        _ => {
            let least = settings.number("min_learning_rate")?;
            if least > rate {
                let problem = format!("'min_learning_rate' ({least}) must not be above 'learning_rate' ({rate})");
                return Err(Error::new(problem));
            }
            Course::Cosine { least }
        }
    };
    Ok(Schedule { rate, warmup_epochs, course })
}

#[cfg(test)]
impl Training {
    /// Gradient descent at a constant rate, and nothing else.
    pub fn plain(batch_size: usize, loss: Loss, rate: f64) -> Self {
        let method = Method::Sgd;
        Self {
            batch_size,
            memory: 0,
            accumulate: 1,
            precision: Precision::F32,
            epoch_tokens: 0,
            loss,
            label_smoothing: 0.0,
            drop_path: 0.0,
            auxiliary_weight: 0.4,
            l1: 0.0,
            l2: 0.0,
            optimizer: OptimizerConfig { method, momentum: 0.0, nesterov: false, beta2: 0.0, weight_decay: 0.0 },
            schedule: Schedule { rate, warmup_epochs: 0.0, course: Course::Constant },
            clip_norm: 0.0,
            augment: Augment::default(),
            ema_decay: 0.0,
            early_stopping: 0,
        }
    }
}
