//! A study that is ready to run: every plugin is open, and everything that can be refused has been.

use std::path::{Path, PathBuf};

use nas_api::{Goal, MetricInfo, Objective};

use super::StudyError;
use super::header::Header;
use super::problem::Problem;
use super::pruner::Pruner;
use super::resolve::ResolvedStudy;
use super::spec::StudySpec;
use crate::plugin::{BatchedSearch, Registry, Search};

/// A study that can be run: every plugin is open, every setting checked.
pub struct Plan {
    /// What the study's file records.
    pub header: Header,
    /// The space and the evaluator.
    pub problem: Problem,
    /// The strategy.
    pub search: Box<dyn Search>,
    /// Whether checkpoints of trials are kept, so that later trials can continue them.
    pub(crate) keeps_checkpoints: bool,
    /// The pruner, which ends trials early.
    pub(crate) pruner: Option<Pruner>,
}

/// The folder beside a study's file where checkpoints of trials are kept.
pub fn checkpoint_folder(study: &Path) -> PathBuf {
    let mut name = study.as_os_str().to_owned();
    name.push(".state");
    PathBuf::from(name)
}

impl Plan {
    /// Opens everything that a description asks for, and checks that it fits together. `checkpoints` is where states of
    /// trials are kept (see [`checkpoint_folder`]); the folder is created if the strategy continues trials, or when the
    /// evaluator keeps something.
    ///
    /// # Errors
    ///
    /// A plugin is not found, a setting is refused, or the parts do not fit together; nothing has run by then.
    pub fn check(spec: &StudySpec, registry: &Registry, checkpoints: Option<&Path>) -> Result<Self, StudyError> {
        Self::open(ResolvedStudy::new(spec, registry, checkpoints)?, registry)
    }

    /// Opens the strategy and the pruner of a resolved study.
    pub(crate) fn open(study: ResolvedStudy, registry: &Registry) -> Result<Self, StudyError> {
        let ResolvedStudy { header, problem, strategy } = study;
        let source = registry.strategy(&header.strategy.reference).map_err(StudyError::Open)?;
        // A separate instance: the host's questions never reach the space that the strategy talks to.
        let space = registry.space(&header.space.reference).map_err(StudyError::Open)?;
        let space = space.open(&header.space.settings).map_err(StudyError::Open)?;
        let mut search = source.open(&header.for_strategy(), space).map_err(StudyError::Open)?;
        if strategy.serves.batched_asks {
            search = Box::new(BatchedSearch::new(search, header.budget.trials));
        }
        let goal = |metric: &str| goal_of(metric, &header.objectives, &header.metrics);
        let pruner = header.pruner.as_ref().map(|pruner| pruner.open(goal)).transpose()?;
        let keeps_checkpoints = strategy.continues_trials() && problem.evaluator_info.resumes;
        Ok(Self { header, problem, search, keeps_checkpoints, pruner })
    }
}

/// The direction in which a metric gets better; the study's objectives take precedence over the evaluator's
/// declaration.
fn goal_of(metric: &str, objectives: &[Objective], metrics: &[MetricInfo]) -> Option<Goal> {
    let objective = objectives.iter().find(|objective| objective.metric == metric);
    let declared = || metrics.iter().find(|known| known.name == metric)?.better;
    objective.map(|objective| objective.goal).or_else(declared)
}
