//! The stations that are to repeat a frame (section 3.12.5).

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Call;

/// A station that is to repeat a frame, or has done so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digi {
    /// Its call sign.
    pub call: Call,
    /// Whether it has repeated the frame (the H bit).
    pub repeated: bool,
}

impl Digi {
    /// One that has not repeated yet.
    #[must_use]
    pub const fn new(call: Call) -> Self {
        Self {
            call,
            repeated: false,
        }
    }
}

/// Up to eight digipeaters in the order of their turns.
#[derive(Clone, Copy)]
pub struct Digis {
    list: [Digi; Self::MOST],
    count: u8,
}

impl Digis {
    /// The most digipeaters of a frame.
    pub const MOST: usize = 8;
    /// None.
    pub const NONE: Self = Self {
        list: [Digi::new(Call::NONE); Self::MOST],
        count: 0,
    };

    /// Those of these call signs, none of which has repeated; `None` for more than eight.
    #[must_use]
    pub fn new(calls: &[Call]) -> Option<Self> {
        let mut digis = Self::NONE;
        calls
            .iter()
            .all(|call| digis.push(Digi::new(*call)))
            .then_some(digis)
    }

    /// Appends one; `false` when there are eight already.
    #[must_use]
    pub fn push(&mut self, digi: Digi) -> bool {
        let free = self.list.get_mut(usize::from(self.count));
        if let Some(place) = free {
            *place = digi;
            self.count += 1;
            return true;
        }
        false
    }
}

impl Default for Digis {
    fn default() -> Self {
        Self::NONE
    }
}

impl Deref for Digis {
    type Target = [Digi];

    fn deref(&self) -> &[Digi] {
        self.list.get(..usize::from(self.count)).unwrap_or_default()
    }
}

impl DerefMut for Digis {
    fn deref_mut(&mut self) -> &mut [Digi] {
        self.list
            .get_mut(..usize::from(self.count))
            .unwrap_or_default()
    }
}

impl PartialEq for Digis {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Digis {}

impl fmt::Debug for Digis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
