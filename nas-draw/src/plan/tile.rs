//! What a box of one node, or of a chain of nodes, says.

use super::Tile;
use super::build::{Builder, LONGEST, Page, content};
use super::names::{common, range, within};
use crate::fold::{Item, Segment, Unit};
use crate::kind::{Kind, label, leads, sign};
use crate::text::shortened;

impl Builder<'_, '_, '_> {
    /// A box for a node or a chain of nodes.
    pub(super) fn tile(&self, page: &mut Page, unit: &Unit, last: &Unit, row: &Segment, frame: Option<usize>) {
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
                main.map_or_else(|| common(parts), |item| tree.path(item).to_owned())
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
            // A circle has no room for what was chosen.
            (head, round) = (sign.to_owned(), choice.is_none());
        }
        let slices = times_over(page, row, frame);
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
        let again = repeats(&words);
        let words = &words[..words.len() / again];
        let named = |words: &[(Kind, String)]| words.iter().map(|(_, word)| word.clone()).collect::<Vec<_>>();
        if main > 0 {
            lines.extend(listed("after", &named(&words[..main])));
        }
        // Every convolution or product begins a line.
        for row in words[main + 1..].chunk_by(|_, (kind, _)| !heavy(*kind)) {
            lines.extend(listed("then", &named(row)));
        }
        if again > 1 {
            lines.push(format!("all of it {again} times"));
        }
        if leaves.iter().all(|&leaf| self.unused[leaf as usize]) {
            lines.push("reaches no output".to_owned());
        }
        let (first, end) = (path(unit), path(last));
        let name = range(within(&first, &page.base), within(&end, &page.base));
        let border = kind == Kind::Border;
        if !round && !border && choice.is_none() {
            lines.push(name);
        }
        let lines = lines.into_iter().map(|line| shortened(&line, LONGEST)).collect();
        self.add(
            page,
            Tile {
                path: first,
                kind,
                round,
                head: shortened(&head, 2 * LONGEST),
                lines,
                choice,
                covers: 0,
                times: row.times,
                parallel: row.parallel,
                frame,
                hint: String::new(),
                content: content(&leaves, self),
                block: None,
                differs: false,
            },
            &leaves,
        );
    }

    /// The decision that one of the unit's names names, with what was chosen.
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
        Some(shortened(&format!("{} = {}", found.0, found.1), LONGEST))
    }
}

/// Whether a box stands for several, by itself or within its frames.
fn times_over(page: &Page, row: &Segment, mut frame: Option<usize>) -> bool {
    let mut often = row.times > 1;
    while let Some(around) = frame.map(|frame| &page.drawing.frames[frame]) {
        often |= around.times > 1;
        frame = around.frame;
    }
    often
}

/// Of how many equal parts a chain is made.
fn repeats(words: &[(Kind, String)]) -> usize {
    let whole =
        |part: &usize| words.len().is_multiple_of(*part) && words.iter().zip(&words[*part..]).all(|(a, b)| a == b);
    let part = (2..words.len()).find(whole).unwrap_or(words.len());
    (words.len() / part.max(1)).max(1)
}

/// Words in lines that are not too long.
fn listed(begin: &str, labels: &[String]) -> Vec<String> {
    let mut lines = vec![begin.to_owned()];
    for (at, label) in labels.iter().enumerate() {
        let end = if at + 1 < labels.len() { " ·" } else { "" };
        match lines.last_mut() {
            Some(line) if at == 0 || line.chars().count() + label.chars().count() < LONGEST => {
                line.push_str(&format!(" {label}{end}"))
            }
            _ => lines.push(format!("{label}{end}")),
        }
    }
    lines
}
