//! An evaluator that trains nothing and records its calls. All its numbers are hashes of key and seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nas_api::graph::{count, shape};
use nas_api::rng::derive;
use nas_api::{
    CurvePoint, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Goal, InstanceInfo, Measurement, Metric,
    MetricInfo, Monitor, Parameter, Request, Result, Settings, Task, Verdict,
};

/// One call of `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub trial: u32,
    pub key: String,
    pub params: u64,
    pub fidelity: Option<f64>,
    pub resume: Option<u32>,
    pub seed: u32,
}

static CALLS: Mutex<BTreeMap<String, Vec<Call>>> = Mutex::new(BTreeMap::new());
/// Labels whose evaluator is broken, with the trial at which it fails.
static BROKEN: Mutex<BTreeSet<(String, u32)>> = Mutex::new(BTreeSet::new());

/// The data that the evaluator with a label declares.
static DATA: Mutex<BTreeMap<String, Fingerprint>> = Mutex::new(BTreeMap::new());

/// From now on, the evaluator with this label declares these data.
pub fn read_data(label: &str, source: &str, digest: &str) {
    let data = Fingerprint { source: source.to_owned(), digest: digest.to_owned() };
    held(&DATA).insert(label.to_owned(), data);
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the calls recorded under a label since the last call.
pub fn take_calls(label: &str) -> Vec<Call> {
    held(&CALLS).remove(label).unwrap_or_default()
}

/// From now on, the evaluator with this label breaks down at this trial.
pub fn break_at(label: &str, trial: u32) {
    held(&BROKEN).insert((label.to_owned(), trial));
}

/// The evaluator with this label works again.
pub fn repair(label: &str) {
    held(&BROKEN).retain(|(broken, _)| broken != label);
}

/// The evaluators `cheap` and `cheap-resuming`; the latter keeps the checkpoints of trials and carries them on.
pub struct Cheap<const RESUMES: bool> {
    label: String,
    /// The percentage of architectures that cannot be measured.
    fail: u32,
    /// The maximum number of microseconds that it sleeps, which is not derived from the seed.
    sleep: u32,
    /// From this trial on, a measurement takes a minute unless it is stopped.
    hang_at: u32,
    nan_at: u32,
    panic_at: u32,
    epochs: u32,
    /// The average simulated cost of a trial; 0 means that the clock counts.
    simulated: f64,
    task: bool,
    /// Whether it reports after every epoch.
    curve: bool,
    /// Whether it gives no simulated seconds for a pruned trial.
    forgets: bool,
    /// Whether it panics when a pruner ends a trial.
    breaks: bool,
    checkpoints: Option<PathBuf>,
}

impl<const RESUMES: bool> Cheap<RESUMES> {
    fn sleep(&self, trial: u32, monitor: &dyn Monitor) -> bool {
        let mut micros = match self.sleep {
            0 => 0,
            // Truly random, so that no two runs have the same timing.
            most => RandomState::new().hash_one(trial) % u64::from(most),
        };
        if trial >= self.hang_at {
            micros = 60_000_000;
        }
        let until = Instant::now() + Duration::from_micros(micros);
        while Instant::now() < until {
            if monitor.stopped() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(micros.min(500)));
        }
        true
    }

    fn state_of(&self, trial: u32) -> Result<PathBuf> {
        let folder = self.checkpoints.as_ref().ok_or("there is no folder for checkpoints")?;
        Ok(folder.join(format!("trial-{trial}")))
    }

    /// The fidelity to which the resumed trial was trained; an error if its checkpoint is wrong.
    fn carried_on(&self, request: &Request) -> Result<f64> {
        let Some(resume) = request.resume else { return Ok(0.0) };
        let path = self.state_of(resume)?;
        let text = fs::read_to_string(&path).map_err(|error| format!("no checkpoint of trial {resume}: {error}"))?;
        let (key, epochs) = text.split_once('\n').ok_or("a damaged checkpoint")?;
        if key != request.key {
            return Err(format!("the checkpoint of trial {resume} is of {key}, not of {}", request.key).into());
        }
        epochs.parse().map_err(|_| Error::new("a damaged checkpoint"))
    }
}

impl<const RESUMES: bool> Evaluator for Cheap<RESUMES> {
    fn instance_info(&self) -> InstanceInfo {
        let powers = (0..).map(|power| 1_u32 << power).take_while(|epochs| *epochs <= self.epochs);
        let task = Task {
            input_shape: vec![1, 8, 8],
            outputs: 3,
            kind: "classification".into(),
            settings: Settings::default(),
        };
        InstanceInfo {
            fidelities: powers.map(f64::from).collect(),
            task: self.task.then_some(task),
            simulated: self.simulated > 0.0,
            data: held(&DATA).get(&self.label).cloned(),
            intermediate_metrics: if self.curve { vec!["val_accuracy".into(), "val_loss".into()] } else { Vec::new() },
            ..InstanceInfo::default()
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let shapes = shape::infer(&request.graph, &[1, 8, 8]).map_err(|error| Error::new(error.to_string()))?;
        let counts = count::count(&request.graph, &shapes).map_err(|error| Error::new(error.to_string()))?;
        let Request { trial, key, fidelity, resume, seed, .. } = request.clone();
        let call = Call { trial, key: key.clone(), params: counts.params, fidelity, resume, seed };
        held(&CALLS).entry(self.label.clone()).or_default().push(call);
        if held(&BROKEN).contains(&(self.label.clone(), trial)) {
            return Err(Error::new("the disk is full"));
        }
        if !self.sleep(trial, monitor) {
            return Ok(None);
        }
        let start = self.carried_on(request)?;
        assert!(trial != self.panic_at, "index out of range");
        let part = |what: &str, seed: u32| f64::from(derive(seed, what, 0)) / f64::from(u32::MAX);
        let cost = (self.simulated > 0.0).then_some(self.simulated * (0.5 + part(&key, 5)));
        if part(&key, 1) * 100.0 < f64::from(self.fail) {
            return Ok(Some(Measurement { cost, ..Measurement::failed(format!("{key} cannot be trained")) }));
        }
        let epochs = fidelity.unwrap_or(1.0);
        if self.curve {
            // A trial that is carried on continues after its last epoch.
            for epoch in start as u32 + 1..=epochs as u32 {
                if !self.sleep(trial, monitor) {
                    return Ok(None);
                }
                let accuracy = part(&key, 2) * f64::from(epoch) / f64::from(epoch + 1)
                    + 0.1 * part("wiggle", seed.wrapping_add(epoch));
                let metrics = vec![Metric::new("val_accuracy", accuracy), Metric::new("val_loss", 1.0 / accuracy)];
                match monitor.report(CurvePoint { fidelity: epoch.into(), metrics }) {
                    Verdict::Continue => {}
                    Verdict::Pruned if self.breaks => panic!("it broke at {key}"),
                    Verdict::Pruned if !self.forgets => {
                        let spent = |cost: f64| Measurement::pruned(cost * f64::from(epoch) / epochs);
                        return Ok(cost.map(spent));
                    }
                    Verdict::Pruned | Verdict::Stopped => return Ok(None),
                }
            }
        }
        if request.keep_checkpoint {
            fs::write(self.state_of(trial)?, format!("{key}\n{epochs}")).map_err(|error| error.to_string())?;
        }
        let accuracy = part(&key, 2) * epochs / (epochs + 1.0) + 0.01 * part("noise", seed) + 0.001 * start;
        let accuracy = if trial == self.nan_at { f64::NAN } else { accuracy };
        let metric = Metric::new;
        let metrics = vec![
            metric("val_accuracy", accuracy),
            metric("val_loss", 1.0 - part(&key, 3)),
            metric("latency", part(&key, 4)),
            metric("test_accuracy", accuracy - 0.1),
            // The host ignores what an evaluator says about the size of networks.
            metric("params", -1.0),
            metric("train_seconds", RandomState::new().hash_one(trial) as f64),
        ];
        Ok(Some(Measurement { cost, ..Measurement::new(metrics) }))
    }
}

impl<const RESUMES: bool> EvaluatorPlugin for Cheap<RESUMES> {
    fn info() -> EvaluatorInfo {
        let metric = |name: &str, better, hidden| MetricInfo {
            name: name.to_owned(),
            unit: String::new(),
            better,
            hidden,
            description: "Made up.".into(),
        };
        let trial = |name: &str| Parameter::integer(name, u32::MAX, 0, u32::MAX, "A trial's number.");
        EvaluatorInfo {
            name: if RESUMES { "cheap-resuming" } else { "cheap" }.into(),
            version: "1".into(),
            description: "Trains nothing.".into(),
            metrics: vec![
                metric("latency", None, false),
                metric("val_accuracy", Some(Goal::Maximize), false),
                metric("val_loss", Some(Goal::Minimize), false),
                metric("test_accuracy", Some(Goal::Maximize), true),
                metric("train_seconds", Some(Goal::Minimize), true),
            ],
            fidelity_unit: "epochs".into(),
            accepts_relaxed: false,
            resumes: RESUMES,
            graphs: true,
            trains: None,
            parameters: vec![
                Parameter::text("label", "", "The label under which calls are recorded."),
                Parameter::integer("fail", 0, 0, 100, "Percent of the architectures that fail."),
                Parameter::integer("sleep", 0, 0, u32::MAX, "Microseconds at most."),
                trial("hang_at"),
                trial("nan_at"),
                trial("panic_at"),
                Parameter::integer("epochs", 0, 0, 1024, "Fidelities are the powers of two up to here; 0: none."),
                Parameter::number(
                    "simulated",
                    0.0,
                    0.0,
                    1e9,
                    "Simulated seconds of a trial on average; 0: the clock counts.",
                ),
                Parameter::truth("task", true, "It declares a task."),
                Parameter::truth("curve", false, "It reports after every epoch."),
                Parameter::truth("forgets", false, "It gives no simulated seconds for a pruned trial."),
                Parameter::truth("breaks", false, "It panics when a pruner ends a trial."),
            ],
        }
    }

    fn open(settings: &Settings, checkpoints: Option<&Path>) -> Result<Self> {
        Ok(Self {
            label: settings.text("label")?.to_owned(),
            fail: settings.integer("fail")?,
            sleep: settings.integer("sleep")?,
            hang_at: settings.integer("hang_at")?,
            nan_at: settings.integer("nan_at")?,
            panic_at: settings.integer("panic_at")?,
            epochs: settings.integer("epochs")?,
            simulated: settings.number("simulated")?,
            task: settings.truth("task")?,
            curve: settings.truth("curve")?,
            forgets: settings.truth("forgets")?,
            breaks: settings.truth("breaks")?,
            checkpoints: checkpoints.map(Path::to_owned),
        })
    }
}
