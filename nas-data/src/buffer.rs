//! Numbers that one process owns, or that several processes read from one mapped file.

use std::ops::Deref;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

/// A list of numbers, read as a slice.
#[derive(Clone, Debug)]
pub struct Buffer<T>(Place<T>);

#[derive(Clone, Debug)]
enum Place<T> {
    Owned(Vec<T>),
    /// `count` numbers from the byte `start` on. The range and its alignment are checked on construction.
    Mapped {
        map: Arc<Mmap>,
        start: usize,
        count: usize,
    },
}

impl<T: Pod> Buffer<T> {
    /// `count` numbers from the byte `start` of the file on; `None` if they exceed the file or are not aligned.
    pub(crate) fn mapped(map: &Arc<Mmap>, start: usize, count: usize) -> Option<Self> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(start)?;
        bytemuck::try_cast_slice::<u8, T>(map.get(start..end)?).ok()?;
        Some(Self(Place::Mapped { map: map.clone(), start, count }))
    }

    /// Changes the numbers, after copying them if they are mapped.
    pub fn change(&mut self, change: impl FnOnce(&mut [T])) {
        let mut numbers = match std::mem::replace(&mut self.0, Place::Owned(Vec::new())) {
            Place::Owned(numbers) => numbers,
            mapped @ Place::Mapped { .. } => Self(mapped).to_vec(),
        };
        change(&mut numbers);
        self.0 = Place::Owned(numbers);
    }

    /// These numbers followed by others; without a copy if they follow each other in one file.
    pub fn and(&self, others: &Self) -> Self {
        if let (Place::Mapped { map, start, count }, Place::Mapped { map: other, start: next, count: more }) =
            (&self.0, &others.0)
            && Arc::ptr_eq(map, other)
            && start + count * size_of::<T>() == *next
            && let Some(both) = Self::mapped(map, *start, count + more)
        {
            return both;
        }
        let mut both = self.to_vec();
        both.extend_from_slice(others);
        both.into()
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Owned(numbers) => numbers,
            Place::Mapped { map, start, count } => bytemuck::cast_slice(&map[*start..start + count * size_of::<T>()]),
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(Place::Owned(numbers))
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        Vec::from_iter(numbers).into()
    }
}

impl<T: Pod + PartialEq> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
