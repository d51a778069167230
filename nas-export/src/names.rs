//! Names that nothing else has.

use std::collections::HashMap;

/// Names in use, each with the last number that was put after it.
#[derive(Clone, Debug, Default)]
pub struct Names(HashMap<String, u32>);

impl Names {
    /// Takes a name as it is.
    pub fn take(&mut self, name: String) {
        self.0.entry(name).or_insert(1);
    }

    /// The wanted name, with a number where it is taken.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let Some(&last) = self.0.get(wanted) else {
            self.take(wanted.to_owned());
            return wanted.to_owned();
        };
        let mut number = last;
        // Numbers are remembered: a hostile graph gives all its nodes one name.
        let name = loop {
            number = number.wrapping_add(1);
            let name = format!("{wanted}_{number}");
            if !self.0.contains_key(&name) {
                break name;
            }
        };
        self.0.insert(wanted.to_owned(), number);
        self.take(name.clone());
        name
    }
}
