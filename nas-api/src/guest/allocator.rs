//! The allocator of components. Most of what a strategy allocates are genotypes and lists of metrics, of a few sizes over
//! and over, and the standard allocator (dlmalloc) takes some ten times as long in WebAssembly as a list of what was
//! freed takes to look at.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Sizes are rounded up to a multiple of this; also the alignment of every block.
const STEP: usize = 16;

/// Sizes up to `STEP * CLASSES` are kept when they are freed.
const CLASSES: usize = 64;

/// A list of freed blocks for each small size, in front of the standard allocator. What was freed is used again for the
/// same size only, so a component holds at most the greatest number of blocks of each size that it ever held at once.
struct SmallFirst {
    /// By class: the first freed block; each holds the address of the next one.
    freed: UnsafeCell<[*mut u8; CLASSES]>,
}

// SAFETY: wasm32-unknown-unknown components have a single thread.
unsafe impl Sync for SmallFirst {}

#[global_allocator]
static ALLOCATOR: SmallFirst = SmallFirst { freed: UnsafeCell::new([ptr::null_mut(); CLASSES]) };

/// The class of a layout; `None`: the standard allocator's.
fn class(layout: Layout) -> Option<usize> {
    let class = layout.size().checked_sub(1)? / STEP;
    (class < CLASSES && layout.align() <= STEP).then_some(class)
}

impl SmallFirst {
    /// The layout that every block of a class has.
    fn layout(class: usize) -> Layout {
        // SAFETY: the size is at most STEP * CLASSES, and STEP is a power of two.
        unsafe { Layout::from_size_align_unchecked((class + 1) * STEP, STEP) }
    }
}

// SAFETY: a block is on one list at most, and off it while it is in use; blocks of a class come from the standard
// allocator with that class's size and alignment, which are at least what was asked for.
unsafe impl GlobalAlloc for SmallFirst {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: there is one thread, and nothing below allocates while the list is borrowed.
        unsafe {
            let first = &mut (*self.freed.get())[class];
            if first.is_null() {
                return System.alloc(Self::layout(class));
            }
            let block = *first;
            *first = *block.cast::<*mut u8>();
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: it came from the standard allocator with this layout.
            return unsafe { System.dealloc(block, layout) };
        };
        // SAFETY: the block is no longer in use, is aligned to STEP, and has room for an address.
        unsafe {
            let first = &mut (*self.freed.get())[class];
            *block.cast::<*mut u8>() = *first;
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is not 0 and does not overflow when rounded up to the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class(layout), class(new)) {
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: it came from the standard allocator with this layout.
            (None, None) => unsafe { System.realloc(block, layout, size) },
            // SAFETY: both blocks have room for the smaller of the two sizes, and do not overlap.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                moved
            },
        }
    }
}
