//! The published form of a pair of cells: `Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), ...`.

use super::cell::{Cell, Edge, INNER, OPERATIONS};

const FORM: &str = "the form is Genotype(normal=[('sep_conv_3x3', 0), ... eight pairs], normal_concat=range(2, 6), \
                    reduce=[...], reduce_concat=range(2, 6))";

/// The published text of a pair of cells.
pub fn format(normal: &Cell, reduce: &Cell) -> String {
    let (normal, reduce) = (pairs(normal), pairs(reduce));
    format!("Genotype(normal={normal}, normal_concat=range(2, 6), reduce={reduce}, reduce_concat=range(2, 6))")
}

fn pairs(cell: &Cell) -> String {
    let pair = |edge: &Edge| format!("('{}', {})", edge.operation.name(), edge.source);
    let pairs: Vec<String> = cell.iter().flatten().map(pair).collect();
    format!("[{}]", pairs.join(", "))
}

/// Reads the text that [`format()`] writes. The two pairs of a node may come in any order, the concatenation may be a
/// list, and white space, quotes and trailing commas are as in Python.
///
/// # Errors
/// If the text is malformed or not a pair of cells of the space. The message names the cell and the node.
pub fn parse(text: &str) -> Result<[Cell; 2], String> {
    let mut reader = Reader { rest: text };
    reader.expect("Genotype")?;
    reader.expect("(")?;
    let normal = cell(&mut reader, "normal")?;
    reader.expect(",")?;
    let reduce = cell(&mut reader, "reduce")?;
    reader.take(",");
    reader.expect(")")?;
    if !reader.rest.trim().is_empty() {
        return Err(format!("'{}' follows the genotype; {FORM}", start(reader.rest.trim())));
    }
    Ok([normal, reduce])
}

fn cell(reader: &mut Reader, name: &str) -> Result<Cell, String> {
    reader.expect(name)?;
    reader.expect("=")?;
    reader.expect("[")?;
    let mut pairs = Vec::with_capacity(2 * INNER);
    while !reader.take("]") {
        if pairs.len() == 2 * INNER {
            return Err(format!("'{name}' has more than eight pairs; {FORM}"));
        }
        pairs.push(pair(reader, name)?);
        if !reader.take(",") {
            reader.expect("]")?;
            break;
        }
    }
    if pairs.len() != 2 * INNER {
        return Err(format!("'{name}' has {} pairs, not eight; {FORM}", pairs.len()));
    }
    reader.expect(",")?;
    concatenation(reader, name)?;
    let mut nodes = Vec::with_capacity(INNER);
    for (node, edges) in (2..).zip(pairs.chunks_exact(2)) {
        let mut edges = [edges[0], edges[1]];
        edges.sort_by_key(|edge| edge.source);
        if edges[1].source >= node {
            return Err(format!(
                "node {node} of '{name}' reads node {}, which does not come before it",
                edges[1].source
            ));
        }
        if edges[0].source == edges[1].source {
            let source = edges[0].source;
            return Err(format!("node {node} of '{name}' reads node {source} twice; its two inputs must differ"));
        }
        nodes.push(edges);
    }
    nodes.try_into().map_err(|_| format!("'{name}' must have four nodes"))
}

/// Reads a pair such as `('sep_conv_3x3', 0)`.
fn pair(reader: &mut Reader, cell: &str) -> Result<Edge, String> {
    reader.expect("(")?;
    let quote = if reader.take("\"") { "\"" } else { "'" };
    if quote == "'" {
        reader.expect("'")?;
    }
    let name = reader.word(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let operation = OPERATIONS.into_iter().find(|operation| operation.name() == name).ok_or_else(|| {
        let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name()).collect();
        format!("'{cell}' names the operation '{}' (known: {})", start(name), known.join(", "))
    })?;
    reader.expect(quote)?;
    reader.expect(",")?;
    let digits = reader.word(|letter| letter.is_ascii_digit());
    let source = digits.parse().map_err(|_| format!("'{cell}': an operation is followed by its input; {FORM}"))?;
    reader.expect(")")?;
    Ok(Edge { source, operation })
}

/// Reads the list of concatenated nodes, which must be all four inner nodes.
fn concatenation(reader: &mut Reader, name: &str) -> Result<(), String> {
    reader.expect(name)?;
    reader.expect("_concat")?;
    reader.expect("=")?;
    let accepted: &[&str] =
        if reader.take("range") { &["(", "2", ",", "6", ")"] } else { &["[", "2", ",", "3", ",", "4", ",", "5", "]"] };
    for token in accepted {
        let refused = |_| format!("'{name}_concat' must join the nodes 2 to 5: range(2, 6) or [2, 3, 4, 5]");
        reader.expect(token).map_err(refused)?;
    }
    Ok(())
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// Skips a token, if it comes next.
    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            return Ok(());
        }
        Err(format!("expected '{token}' before '{}'; {FORM}", start(self.rest.trim_start())))
    }

    /// Takes the longest run of accepted letters.
    fn word(&mut self, accepts: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter| !accepts(letter)).unwrap_or(rest.len());
        self.rest = &rest[end..];
        &rest[..end]
    }
}

/// The beginning of a text, for messages.
fn start(text: &str) -> &str {
    text.char_indices().nth(20).map_or(text, |(end, _)| &text[..end])
}
