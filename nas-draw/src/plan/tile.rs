//! The text of a box for a node or a chain of nodes.

use super::Tile;
use super::build::{Builder, Draft, MAX_CHARACTERS, content};
use super::names::{common_prefix, range, relative_to};
use crate::fold::{Item, Segment, Unit};
use crate::kind::{Kind, label, leads, sign};
use crate::text::shortened;

impl Builder<'_, '_, '_> {
    /// Adds a box for a node or a chain of nodes.
    pub(super) fn tile(&self, draft: &mut Draft, unit: &Unit, last: &Unit, row: &Segment, frame: Option<usize>) {
        let tree = self.levels.tree;
        let all = |unit: &Unit| -> Vec<u32> { unit.items.iter().flat_map(|item| tree.leaves(item)).copied().collect() };
        let leaves = all(unit);
        let nodes: Vec<_> = leaves.iter().map(|&leaf| &tree.graph.nodes[leaf as usize]).collect();
        let shown: Vec<_> = nodes.iter().copied().filter(|node| node.op != "Constant" || nodes.len() == 1).collect();
        let path = |unit: &Unit| match unit.items[..] {
            [item] => tree.path(item).to_owned(),
            _ => {
                let main = unit.items.iter().copied().find(|item| match item {
                    Item::Leaf(leaf) => leads(&tree.graph.nodes[*leaf as usize].op),
                    Item::Group(_) => false,
                });
                let parts = unit.items.iter().map(|item| tree.path(*item));
                main.map_or_else(|| common_prefix(parts), |item| tree.path(item).to_owned())
            }
        };
        let kind = Kind::ALL.into_iter().find(|kind| shown.iter().any(|node| Kind::of(&node.op) == *kind));
        let kind = kind.unwrap_or(Kind::Other);
        let heavy = |kind: Kind| matches!(kind, Kind::Convolution | Kind::Linear | Kind::Attention);
        let first = |is: &dyn Fn(Kind) -> bool| shown.iter().position(|node| is(Kind::of(&node.op)));
        let main = first(&heavy).or_else(|| first(&|own| own == kind)).unwrap_or(0);
        let constant = nodes.iter().find(|node| node.op == "Constant").map(|node| label(node));
        let mut head = shown.get(main).map(|node| label(node)).unwrap_or_default();
        let choice = self.choice(unit);
        let mut round = false;
        if let ([node], Some(constant)) = (&shown[..], &constant) {
            head = match (node.op.as_str(), constant.as_str()) {
                ("Mul", "0") => "zeros".to_owned(),
                (op, value) => format!("{} {value}", sign(op).unwrap_or(op)),
            };
        } else if let [node] = shown[..]
            && let Some(sign) = sign(&node.op)
            && row.times == 1
        {
            // A circle has no space for a choice.
            (head, round) = (sign.to_owned(), choice.is_none());
        }
        let slices = stands_for_several(draft, row, frame);
        let words: Vec<(Kind, String)> = shown
            .iter()
            .map(|node| match node.op.as_str() {
                "Slice" if slices => (Kind::Shape, "Slice, its own part each".to_owned()),
                op => (Kind::of(op), label(node)),
            })
            .collect();
        if let ("Slice", Some((_, word))) = (shown.get(main).map_or("", |node| node.op.as_str()), words.get(main)) {
            head.clone_from(word);
        }
        let mut lines: Vec<String> = Vec::new();
        let repeats = count_repeats(&words);
        let words = &words[..words.len() / repeats];
        let named = |words: &[(Kind, String)]| words.iter().map(|(_, word)| word.clone()).collect::<Vec<_>>();
        if main > 0 {
            lines.extend(label_lines("after", &named(&words[..main])));
        }
        // Every convolution or product starts a line.
        for row in words[main + 1..].chunk_by(|_, (kind, _)| !heavy(*kind)) {
            lines.extend(label_lines("then", &named(row)));
        }
        if repeats > 1 {
            lines.push(format!("all of it {repeats} times"));
        }
        if leaves.iter().all(|&leaf| self.unused[leaf as usize]) {
            lines.push("reaches no output".to_owned());
        }
        let (first, end) = (path(unit), path(last));
        let name = range(relative_to(&first, &draft.base), relative_to(&end, &draft.base));
        let border = kind == Kind::Border;
        if !round && !border && choice.is_none() {
            lines.push(name);
        }
        let lines = lines.into_iter().map(|line| shortened(&line, MAX_CHARACTERS)).collect();
        self.add(
            draft,
            Tile {
                path: first,
                kind,
                round,
                head: shortened(&head, 2 * MAX_CHARACTERS),
                lines,
                choice,
                covers: 0,
                times: row.times,
                parallel: row.parallel,
                frame,
                tooltip: String::new(),
                content: content(&leaves, self),
                block: None,
                differs: false,
            },
            &leaves,
        );
    }

    /// Returns the decision whose name is in one of the unit's names, with its choice.
    fn choice(&self, unit: &Unit) -> Option<String> {
        let paths = unit.items.iter().flat_map(|item| {
            let own = self.levels.tree.path(*item);
            let leaf = self
                .levels
                .tree
                .leaves(item)
                .iter()
                .map(|&leaf| self.levels.tree.graph.nodes[leaf as usize].name.as_str());
            std::iter::once(own).chain(leaf)
        });
        let mut words: Vec<&str> = Vec::new();
        for path in paths {
            words.extend(path.rsplit('.').take(2));
        }
        let found = self.subject.choices.iter().find(|(decision, _)| words.contains(&decision.as_str()))?;
        Some(shortened(&format!("{} = {}", found.0, found.1), MAX_CHARACTERS))
    }
}

/// Whether a box stands for several, because it or a frame around it repeats.
fn stands_for_several(draft: &Draft, row: &Segment, mut frame: Option<usize>) -> bool {
    let mut several = row.times > 1;
    while let Some(around) = frame.map(|frame| &draft.drawing.frames[frame]) {
        several |= around.times > 1;
        frame = around.frame;
    }
    several
}

/// Returns the number of equal parts of a chain.
fn count_repeats(words: &[(Kind, String)]) -> usize {
    let whole =
        |part: &usize| words.len().is_multiple_of(*part) && words.iter().zip(&words[*part..]).all(|(a, b)| a == b);
    let part = (2..words.len()).find(whole).unwrap_or(words.len());
    (words.len() / part.max(1)).max(1)
}

/// Breaks a list of labels into lines.
fn label_lines(begin: &str, labels: &[String]) -> Vec<String> {
    let mut lines = vec![begin.to_owned()];
    for (at, label) in labels.iter().enumerate() {
        let end = if at + 1 < labels.len() { " ·" } else { "" };
        match lines.last_mut() {
            Some(line) if at == 0 || line.chars().count() + label.chars().count() < MAX_CHARACTERS => {
                line.push_str(&format!(" {label}{end}"))
            }
            _ => lines.push(format!("{label}{end}")),
        }
    }
    lines
}
