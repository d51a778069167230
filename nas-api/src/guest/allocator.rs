//! The allocator of components. A strategy mostly allocates genotypes and lists of metrics, of the same few sizes. For
//! these, the standard allocator (dlmalloc) is about ten times slower in WebAssembly than a list of free blocks.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// The alignment of every block. Sizes are rounded up to a multiple of it.
const STEP: usize = 16;

/// The number of size classes. Freed blocks of up to `STEP * CLASSES` bytes are kept.
const CLASSES: usize = 64;

/// A list of free blocks for each small size, in front of the standard allocator. A block is reused for the same size
/// only, so a component holds at most as many blocks of each size as it ever used at once.
struct FreeListAllocator {
    /// The first free block of each class. Each free block holds the address of the next one.
    freed: UnsafeCell<[*mut u8; CLASSES]>,
}

// SAFETY: wasm32-unknown-unknown components have a single thread.
unsafe impl Sync for FreeListAllocator {}

#[global_allocator]
static ALLOCATOR: FreeListAllocator = FreeListAllocator { freed: UnsafeCell::new([ptr::null_mut(); CLASSES]) };

/// Returns the class of a layout, or `None` if the standard allocator serves it.
fn class(layout: Layout) -> Option<usize> {
    let class = layout.size().checked_sub(1)? / STEP;
    (class < CLASSES && layout.align() <= STEP).then_some(class)
}

impl FreeListAllocator {
    /// Returns the layout of every block of a class.
    fn layout(class: usize) -> Layout {
        // SAFETY: the size is at most STEP * CLASSES, and STEP is a power of two.
        unsafe { Layout::from_size_align_unchecked((class + 1) * STEP, STEP) }
    }
}

// SAFETY: a block is on at most one list, and on none while it is in use. Blocks of a class come from the standard
// allocator with that class's size and alignment, which are at least the requested ones.
unsafe impl GlobalAlloc for FreeListAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: the caller promises a valid layout.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: there is one thread, and `System.alloc` does not use the list that is borrowed here.
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
            // SAFETY: the block comes from the standard allocator with this layout.
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
            // SAFETY: the block comes from the standard allocator with this layout.
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
