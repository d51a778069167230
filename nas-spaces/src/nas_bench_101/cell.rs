//! The cell: at most seven vertices and nine edges. Vertex 0 is the input, vertex 6 the output, and every vertex
//! between them has an operation. Edges go from lower to higher vertices.

/// The largest number of vertices, input and output included.
pub const VERTICES: usize = 7;
/// The largest number of edges.
pub const MAX_EDGES: usize = 9;
const OUTPUT: usize = VERTICES - 1;

/// The operation of an inner vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// 3×3 convolution, batch normalisation, ReLU.
    Conv3x3,
    /// 1×1 convolution, batch normalisation, ReLU.
    Conv1x1,
    /// 3×3 maximum pooling, stride 1.
    Pool,
}

/// The published name and the letter in texts of each operation, in the published order.
pub const OPERATIONS: [(&str, char, Operation); 3] = [
    ("conv3x3-bn-relu", '3', Operation::Conv3x3),
    ("conv1x1-bn-relu", '1', Operation::Conv1x1),
    ("maxpool3x3", 'm', Operation::Pool),
];

/// Source and target of every edge, in the order of the decisions. Edges are ordered by target, and the edge from input
/// to output is last, because it is implied if no other path joins them.
pub const EDGES: [(usize, usize); 21] = [
    (0, 1),
    (0, 2),
    (1, 2),
    (0, 3),
    (1, 3),
    (2, 3),
    (0, 4),
    (1, 4),
    (2, 4),
    (3, 4),
    (0, 5),
    (1, 5),
    (2, 5),
    (3, 5),
    (4, 5),
    (1, 6),
    (2, 6),
    (3, 6),
    (4, 6),
    (5, 6),
    (0, 6),
];

/// `matrix[source][target]`.
pub type Matrix = [[bool; VERTICES]; VERTICES];

/// A cell as a genotype describes it, perhaps incomplete and with dangling parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The edges.
    pub matrix: Matrix,
    /// The operations of the vertices on a path from input to output, as far as they are chosen.
    pub operations: [Option<Operation>; VERTICES],
}

/// A cell without dangling parts. Its vertices are numbered without gaps: 0 is the input, and the last one is the
/// output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The number of vertices, from 2 to 7.
    pub vertices: usize,
    /// The edges.
    pub matrix: Matrix,
    /// The operations of the inner vertices, in order.
    pub operations: Vec<Operation>,
}

/// Whether a path from the input reaches each vertex.
fn reached(matrix: &Matrix) -> [bool; VERTICES] {
    let mut reached = [false; VERTICES];
    reached[0] = true;
    for target in 1..VERTICES {
        reached[target] = (0..target).any(|source| matrix[source][target] && reached[source]);
    }
    reached
}

/// Whether each vertex lies on a path from input to output.
pub fn live(matrix: &Matrix) -> [bool; VERTICES] {
    let mut live = reached(matrix);
    for source in (0..OUTPUT).rev() {
        live[source] &= (source + 1..VERTICES).any(|target| matrix[source][target] && live[target]);
    }
    live
}

impl Draft {
    fn edges(&self) -> usize {
        self.matrix.iter().flatten().filter(|edge| **edge).count()
    }

    /// Whether the edge exists, if the earlier edges leave no choice: at most nine are allowed, and a path must join
    /// input and output.
    fn implied(&self, source: usize, target: usize) -> Option<bool> {
        let (reached, used) = (reached(&self.matrix), self.edges());
        let joins = target == OUTPUT && reached[source];
        if used == MAX_EDGES || (!reached[OUTPUT] && used == MAX_EDGES - 1 && !joins) {
            return Some(false);
        }
        ((source, target) == (0, OUTPUT) && !reached[OUTPUT]).then_some(true)
    }

    /// Makes the decisions in their order. `choose` is called with the index of each decision that is not implied:
    /// edges come first, then inner vertices. If it returns `None`, the result includes that index.
    pub fn decide(mut choose: impl FnMut(usize) -> Option<u32>) -> (Self, Option<usize>) {
        let mut draft = Self::default();
        for (position, (source, target)) in EDGES.into_iter().enumerate() {
            draft.matrix[source][target] = match draft.implied(source, target) {
                Some(implied) => implied,
                None => match choose(position) {
                    Some(choice) => choice == 1,
                    None => return (draft, Some(position)),
                },
            };
        }
        let live = live(&draft.matrix);
        for vertex in (1..OUTPUT).filter(|&vertex| live[vertex]) {
            let position = EDGES.len() + vertex - 1;
            let Some(choice) = choose(position) else { return (draft, Some(position)) };
            draft.operations[vertex] = OPERATIONS.get(choice as usize).map(|(.., operation)| *operation);
        }
        (draft, None)
    }

    /// The draft that a genotype describes, and the index of the first decision that the genotype leaves open.
    pub fn of(genotype: &[u32]) -> (Self, Option<usize>) {
        let mut choices = genotype.iter().copied();
        Self::decide(|_| choices.next())
    }

    /// The genotype of this cell; `None` if it has too many edges or no path, or if not exactly the inner vertices on
    /// paths have operations.
    pub fn genotype(&self) -> Option<Vec<u32>> {
        let mut genotype = Vec::with_capacity(EDGES.len() + OUTPUT - 1);
        let (made, _) = Self::decide(|position| {
            let choice = match EDGES.get(position) {
                Some(&(source, target)) => u32::from(self.matrix[source][target]),
                None => {
                    let operation = self.operations[position + 1 - EDGES.len()]?;
                    OPERATIONS.iter().position(|(.., known)| *known == operation)? as u32
                }
            };
            genotype.push(choice);
            Some(choice)
        });
        (made == *self).then_some(genotype)
    }

    /// The draft without the edges and operations that lie on no path.
    pub fn pruned(&self) -> Self {
        let live = live(&self.matrix);
        let mut pruned = self.clone();
        for (source, target) in EDGES {
            pruned.matrix[source][target] &= live[source] && live[target];
        }
        for (operation, live) in pruned.operations.iter_mut().zip(live) {
            *operation = operation.filter(|_| live);
        }
        pruned
    }

    /// The cell that remains without dangling parts; `None` if there is no path or an operation is missing.
    pub fn cell(&self) -> Option<Cell> {
        let live = live(&self.matrix);
        if !live[0] {
            return None;
        }
        let kept: Vec<usize> = (0..VERTICES).filter(|&vertex| live[vertex]).collect();
        let mut matrix = Matrix::default();
        for (new_source, &source) in kept.iter().enumerate() {
            for (new_target, &target) in kept.iter().enumerate() {
                matrix[new_source][new_target] = self.matrix[source][target];
            }
        }
        let inner = kept.iter().filter(|vertex| (1..OUTPUT).contains(*vertex));
        let operations = inner.map(|&vertex| self.operations[vertex]).collect::<Option<Vec<_>>>()?;
        Some(Cell { vertices: kept.len(), matrix, operations })
    }

    /// The text, such as `110010010000010101101/33m31`: the edges row by row, then a letter for each inner vertex, or
    /// `-` if the vertex is cut off.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(EDGES.len() + OUTPUT);
        for source in 0..OUTPUT {
            text.extend(self.matrix[source][source + 1..].iter().map(|&edge| if edge { '1' } else { '0' }));
        }
        text.push('/');
        text.extend(self.operations[1..OUTPUT].iter().map(|operation| {
            let known = OPERATIONS.iter().find(|(.., known)| Some(*known) == *operation);
            known.map_or('-', |(_, letter, _)| *letter)
        }));
        text
    }

    /// Reads the text that [`text`](Self::text) writes. A text may have fewer vertices, of which the last is the
    /// output.
    ///
    /// # Errors
    /// If the text is malformed or not a cell of the space.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "the form is EDGES/OPERATIONS, as in 110010010000010101101/33m31";
        let (edges, operations) = text.trim().split_once('/').ok_or_else(|| format!("there is no '/'; {form}"))?;
        let inner = operations.chars().count();
        if inner > OUTPUT - 1 {
            return Err(format!("{inner} operations, but a cell has at most {} inner vertices", OUTPUT - 1));
        }
        let vertices = inner + 2;
        let wanted = vertices * (vertices - 1) / 2;
        if edges.len() != wanted || edges.bytes().any(|bit| !matches!(bit, b'0' | b'1')) {
            return Err(format!("'{edges}' must be {wanted} digits 0 and 1 for {vertices} vertices; {form}"));
        }
        // The last vertex is the output, even if there are fewer vertices.
        let full_index = |vertex: usize| if vertex + 1 == vertices { OUTPUT } else { vertex };
        let mut draft = Self::default();
        let mut bits = edges.bytes();
        for source in 0..vertices - 1 {
            for target in source + 1..vertices {
                draft.matrix[full_index(source)][full_index(target)] = bits.next() == Some(b'1');
            }
        }
        for (vertex, letter) in (1..).zip(operations.chars()) {
            draft.operations[vertex] = match OPERATIONS.iter().find(|(_, known, _)| *known == letter) {
                Some((.., operation)) => Some(*operation),
                None if letter == '-' => None,
                None => {
                    let known = "3 (conv3x3), 1 (conv1x1), m (maxpool3x3) or - (none)";
                    return Err(format!("'{letter}' is not an operation; write {known}"));
                }
            };
        }
        let live = live(&draft.matrix);
        if !live[0] {
            return Err("no path leads from the input to the output".into());
        }
        if let Some(vertex) = (1..OUTPUT).find(|&vertex| live[vertex] != draft.operations[vertex].is_some()) {
            let problem =
                if live[vertex] { "needs an operation" } else { "lies on no path and has no operation; write '-'" };
            return Err(format!("vertex {vertex} {problem}"));
        }
        let edges = draft.edges();
        if edges > MAX_EDGES {
            return Err(format!("{edges} edges, but a cell has at most {MAX_EDGES}"));
        }
        Ok(draft)
    }
}
