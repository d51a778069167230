//! Makes names unique.

use std::collections::HashMap;

/// The names in use, each with the last number that was appended to it.
#[derive(Clone, Debug, Default)]
pub struct Names(HashMap<String, u32>);

impl Names {
    /// Marks a name as used.
    pub fn take(&mut self, name: String) {
        self.0.entry(name).or_insert(1);
    }

    /// Returns the wanted name, with a number appended if it is in use, and marks it as used.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let Some(&last) = self.0.get(wanted) else {
            self.take(wanted.to_owned());
            return wanted.to_owned();
        };
        let mut number = last;
        // Starting from the last number keeps this fast if a hostile graph gives all its nodes one name.
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
