//! The training hyperparameters, which recipes set.

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
    /// Examples in a batch; 0 means as many as fit into `memory`.
    pub batch_size: usize,
    /// MiB that one training may use, if `batch_size` is 0.
    pub memory: u64,
    /// Batches whose gradients are averaged before each step.
    pub accumulate: usize,
    /// Precision of matrix products and convolutions, in training, validation and testing.
    pub precision: Precision,
    /// Tokens of a text that count as an epoch; 0 means all windows.
    pub epoch_tokens: u32,
    /// The loss that is minimised; images with boxes have [their own](crate::detection).
    pub loss: Loss,
    /// ε in the targets of cross entropy.
    pub label_smoothing: f64,
    /// Share of the examples for which each `DropPath` is dropped at the end of training.
    pub drop_path: f64,
    /// Weight of the loss of an auxiliary head; 0 means that the head is not trained.
    pub auxiliary_weight: f64,
    /// λ of the sum of absolute weights, added to the loss.
    pub l1: f64,
    /// λ of the sum of squared weights, added to the loss.
    pub l2: f64,
    /// The optimizer with its settings.
    pub optimizer: OptimizerConfig,
    /// The schedule of the learning rate.
    pub schedule: Schedule,
    /// Largest norm of all gradients together; 0 means no limit.
    pub clip_norm: f64,
    /// The augmentation of inputs.
    pub augment: Augment,
    /// Decay of a moving average of the weights; 0 means that there is none.
    pub ema_decay: f64,
    /// Epochs without a better validation after which a trial ends; 0 means that it never ends early.
    pub early_stopping: u32,
}

/// The hyperparameters that users and recipes may set.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::integer(
            "epochs",
            10,
            1,
            100_000,
            "epochs of one trial at the highest fidelity, and the horizon of the schedule",
        )
        .with_role(Role::Fidelity),
        Parameter::integer(
            "epoch_tokens",
            0,
            0,
            u32::MAX,
            "number of tokens that count as an epoch (texts), rounded up to whole steps; 0: all tokens of the text",
        ),
        Parameter::integer("batch_size", 64, 0, 1 << 20, "examples in a batch; 0: as many as fit into 'memory'"),
        Parameter::integer("memory", 0, 0, 1 << 24, "MiB that one training may use, if 'batch_size' is 0"),
        Parameter::integer("accumulate", 1, 1, 1 << 16, "batches whose gradients are averaged before each step"),
        Parameter::one_of(
            "precision",
            "f32",
            &Precision::NAMES,
            "precision of matrix products and convolutions; weights, sums, normalisations and losses have 32 bits \
             (Micikevicius et al. 2018)",
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
        Parameter::one_of("optimizer", "adamw", &["sgd", "adam", "adamw"], "optimizer of the weights"),
        Parameter::number(
            "learning_rate",
            0.003,
            1e-9,
            100.0,
            "peak learning rate, at the start of training or after the warm-up",
        ),
        Parameter::number("momentum", 0.9, 0.0, 0.999_999, "momentum of sgd"),
        Parameter::truth("nesterov", false, "sgd with Nesterov's momentum (Sutskever et al. 2013)"),
        Parameter::number("beta2", 0.999, 0.0, 0.999_999_9, "β₂ of adam and adamw; β₁ is 0.9"),
        Parameter::number(
            "weight_decay",
            0.01,
            0.0,
            1000.0,
            "weight decay λ of the optimizer: coupled in sgd and adam, decoupled in adamw",
        ),
        Parameter::number(
            "clip_norm",
            0.0,
            0.0,
            1e9,
            "largest norm of all gradients together (Pascanu et al. 2013); 0: no limit",
        ),
    ]
}

fn schedule() -> Vec<Parameter> {
    vec![
        Parameter::one_of(
            "schedule",
            "cosine",
            &["cosine", "steps", "constant"],
            "how the learning rate changes over the epochs",
        ),
        Parameter::number("min_learning_rate", 0.0, 0.0, 100.0, "learning rate at the end of the cosine"),
        Parameter::number(
            "warmup_epochs",
            0.0,
            0.0,
            100_000.0,
            "epochs, possibly a fraction, in which the learning rate grows linearly, step by step (Goyal et al. 2017)",
        ),
        Parameter::new(
            "milestones",
            ParameterKind::Numbers,
            Value::Numbers(vec![0.5, 0.75]),
            "for `steps`: fractions of the training after which the learning rate falls (He et al. 2016)",
        ),
        Parameter::number("step_factor", 0.1, 0.0, 1.0, "for `steps`: factor of the learning rate at each milestone"),
    ]
}

fn loss() -> Vec<Parameter> {
    vec![
        Parameter::one_of(
            "loss",
            "auto",
            &["auto", "cross_entropy", "mse"],
            "loss to minimise; auto: cross entropy for classes and tokens, mse for numbers; detection has its own",
        ),
        Parameter::number(
            "label_smoothing",
            0.0,
            0.0,
            0.999,
            "ε in the targets of cross entropy: (1 - ε) for the class, ε spread over all (Szegedy et al. 2016)",
        ),
        Parameter::number(
            "drop_path",
            0.0,
            0.0,
            0.99,
            "share of the examples for which a path is dropped at the end of training; it grows from epoch to epoch \
             (Larsson et al. 2017)",
        ),
        Parameter::number(
            "auxiliary_weight",
            0.4,
            0.0,
            100.0,
            "weight of the loss of an auxiliary head, if a network has one (Szegedy et al. 2015); 0: the head is not \
             trained",
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
            "decay of a moving average of the weights, which is then measured and saved; 0: the weights themselves",
        ),
        Parameter::integer(
            "early_stopping",
            0,
            0,
            100_000,
            "epochs without a better validation after which a trial ends (Prechelt 1998); 0: it never ends early",
        ),
    ]
}

impl Training {
    /// Reads the settings for data of this kind.
    ///
    /// # Errors
    ///
    /// Fails if a value is not allowed, or if values contradict each other or the kind.
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
                "'batch_size' is 0, so it is chosen to fit: set 'memory' to the MiB that one training may use (as \
                 --worker-memory, if that limit is set)",
            ));
        }
        if batch_size > 0 && memory > 0 {
            return Err(Error::new(
                "'memory' is for a batch size that is chosen to fit: set 'batch_size' to 0, or leave 'memory' out",
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
            "'epoch_tokens' needs a 'batch_size' above 0: it is rounded up to whole steps, whose size would differ \
             between networks if the batch size were chosen to fit",
        ));
    }
    let of_step = ["batch_size", "accumulate", "context"].map(|name| settings.integer(name).map(u64::from));
    let of_step = of_step.into_iter().product::<Result<u64>>()?;
    if tokens > 0 && u64::from(tokens) < of_step {
        let problem = format!(
            "'epoch_tokens' ({tokens}) is less than the {of_step} tokens of one step ('batch_size' times 'accumulate' \
             times 'context'): raise it, or lower one of them"
        );
        return Err(Error::new(problem));
    }
    Ok(tokens)
}

impl Training {
    /// The length of an epoch over these examples.
    pub fn epoch(&self, examples: &Examples, batch_size: usize) -> Epoch {
        Epoch::new(examples, self.epoch_tokens, batch_size.saturating_mul(self.accumulate))
    }

    /// The metric `trained_tokens`: the number of tokens, counting repetitions, that this number of epochs trains on.
    /// `None` for data other than texts.
    pub fn trained_tokens(&self, examples: &Examples, batch_size: usize, epochs: u32) -> Option<Metric> {
        let tokens = || self.epoch(examples, batch_size).targets(epochs) as f64;
        matches!(examples.targets, Targets::Tokens { .. }).then(|| Metric::new("trained_tokens", tokens()))
    }
}

fn loss_of(settings: &Settings, kind: Kind) -> Result<Loss> {
    match (settings.text("loss")?, kind) {
        ("cross_entropy", Kind::Regression) => {
            Err(Error::new("'loss' cannot be \"cross_entropy\" if 'task' is \"regression\": there are no classes"))
        }
        ("cross_entropy" | "mse", Kind::Detection) => Err(Error::new(
            "'loss' must be \"auto\" for detection, whose loss is fixed: focal loss, GIoU of boxes and centreness",
        )),
        ("mse", Kind::Language) => Err(Error::new("'loss' cannot be \"mse\" for a text: tokens are not numbers")),
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
                let problem = format!("'milestones' are fractions of the training, from 0 to 1, but one is {wrong}");
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
    /// Plain gradient descent at a constant learning rate.
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
