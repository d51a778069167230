//! The subpopulation of one fidelity.

use std::cmp::Reverse;

use crate::Rank;

/// The result of a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub rank: Rank,
    /// Whether it may be promoted ([`Rank::promotable`]).
    pub promotable: bool,
    /// The trial that can be continued; `None` for an external result, and after a failure.
    pub trial: Option<u32>,
}

#[derive(Clone, Debug)]
struct Member {
    point: Vec<f64>,
    /// `None` for a random member that was not measured.
    measured: Option<Measured>,
}

/// Members that were measured at one fidelity, or not measured yet.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub fidelity: f64,
    members: Vec<Member>,
    /// The index of the next target; members take turns.
    turn: usize,
}

impl Population {
    /// A population of unmeasured members that `draw` makes.
    pub(super) fn new(fidelity: f64, size: u32, draw: &mut impl FnMut() -> Vec<f64>) -> Self {
        let members = (0..size).map(|_| Member { point: draw(), measured: None }).collect();
        Self { fidelity, members, turn: 0 }
    }

    /// The index of the next target.
    pub(super) fn next_target(&mut self) -> usize {
        let turn = self.turn;
        self.turn = (turn + 1) % self.members.len().max(1);
        turn
    }

    /// The point of a member.
    pub(super) fn point(&self, member: usize) -> &[f64] {
        self.members.get(member).map_or(&[], |member| &member.point)
    }

    /// The points of all members.
    pub(super) fn points(&self) -> impl Iterator<Item = &[f64]> {
        self.members.iter().map(|member| member.point.as_slice())
    }

    /// Whether a member has this point.
    pub(super) fn contains(&self, point: &[f64]) -> bool {
        self.members.iter().any(|member| member.point == point)
    }

    /// The indices of the members, the best first and unmeasured ones last; ties keep the order of the members.
    fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&member| Reverse(self.members[member].measured.map(|measured| measured.rank)));
        order
    }

    /// The points of the best `count` members, measured or not.
    pub(super) fn parents(&self, count: usize) -> Vec<&[f64]> {
        self.ranking().into_iter().take(count).map(|member| self.point(member)).collect()
    }

    /// The points of the best `count` members that may be promoted and satisfy `new`, with their trials.
    pub(super) fn best(&self, count: usize, new: impl Fn(&[f64]) -> bool) -> Vec<(Vec<f64>, Option<u32>)> {
        let promotable = |&member: &usize| self.members[member].measured.is_some_and(|measured| measured.promotable);
        let best = self.ranking().into_iter().filter(promotable).map(|member| &self.members[member]);
        let best = best.filter(|member| new(&member.point)).take(count);
        best.map(|member| (member.point.clone(), member.measured.and_then(|measured| measured.trial))).collect()
    }

    /// Replaces the target by its child unless the child is worse.
    pub(super) fn select(&mut self, target: usize, child: Vec<f64>, measured: Measured) {
        let Some(member) = self.members.get_mut(target) else { return };
        if member.measured.is_none_or(|old| measured.rank >= old.rank) {
            *member = Member { point: child, measured: Some(measured) };
        }
    }

    /// Replaces the last member of the ranking by an external result unless that is worse.
    pub(super) fn adopt(&mut self, point: Vec<f64>, measured: Measured) {
        if let Some(&worst) = self.ranking().last() {
            self.select(worst, point, measured);
        }
    }
}
