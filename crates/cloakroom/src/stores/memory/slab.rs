//! Values under numbers that stay theirs: in pages that never move, with freed slots used again.

use std::mem;
use std::ops::{Index, IndexMut};

/// How many slots are allocated at a time.
const PAGE: usize = 256;

/// No slot: the end of the list of free ones.
const NONE: u32 = u32::MAX;

/// Values under numbers. It grows by a page, never by copying, and never shrinks.
pub(super) struct Slab<T> {
    /// All but the last are full.
    pages: Vec<Vec<Slot<T>>>,
    /// The first free slot, or [`NONE`].
    free: u32,
}

enum Slot<T> {
    Taken(T),
    Free { next: u32 },
}

impl<T> Slab<T> {
    /// Keeps a value under a number that is nobody else's until it is removed.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if self.free == NONE {
            return self.push(Slot::Taken(value));
        }
        let number = self.free;
        let slot = mem::replace(self.slot_mut(number), Slot::Taken(value));
        if let Slot::Free { next } = slot {
            self.free = next;
        }
        number
    }

    /// Takes out the value under a number.
    pub(super) fn remove(&mut self, number: u32) -> T {
        let free = Slot::Free { next: self.free };
        match mem::replace(self.slot_mut(number), free) {
            Slot::Taken(value) => {
                self.free = number;
                value
            }
            Slot::Free { .. } => unreachable!("a number is removed once"),
        }
    }

    /// The value under a number, if there is one.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let page = self.pages.get(number as usize / PAGE)?;
        match page.get(number as usize % PAGE)? {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// All numbers ever given are below this one.
    pub(super) fn end(&self) -> u32 {
        let full = self.pages.len().saturating_sub(1) * PAGE;
        (full + self.pages.last().map_or(0, Vec::len)) as u32
    }

    fn push(&mut self, slot: Slot<T>) -> u32 {
        let number = self.end();
        assert!(number != NONE, "a shard has fewer than 2^32 slots");
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(slot);
        }
        number
    }

    fn slot_mut(&mut self, number: u32) -> &mut Slot<T> {
        &mut self.pages[number as usize / PAGE][number as usize % PAGE]
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            free: NONE,
        }
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.get(number)
            .expect("a number is used only while its slot is taken")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        match self.slot_mut(number) {
            Slot::Taken(value) => value,
            Slot::Free { .. } => unreachable!("a number is used only while its slot is taken"),
        }
    }
}
