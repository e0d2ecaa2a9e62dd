//! Connections by their numbers and by their flows.

use crate::connection::{Connection, State};
use crate::flow::Flow;
use crate::siphash::Key;

/// Names a connection, as long as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    const INDEX_BITS: u32 = 20;
    const INDEX: u32 = (1 << Self::INDEX_BITS) - 1;

    fn new(index: u32, generation: u32) -> Self {
        // Never zero, which people take for none.
        Self((generation % 0xfff + 1) << Self::INDEX_BITS | index)
    }

    /// The number that people see and type.
    pub fn number(self) -> u32 {
        self.0
    }

    /// What somebody typed; it may name nothing.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn index(self) -> u32 {
        self.0 & Self::INDEX
    }
}

const NONE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Slot {
    connection: Option<Box<Connection>>,
    generation: u32,
    /// The next of the same bucket, or the next free slot.
    next: u32,
}

/// The connections. Finding one takes the same time with any number of them.
#[derive(Debug)]
pub(crate) struct Table {
    key: Key,
    slots: Vec<Slot>,
    free: u32,
    buckets: Vec<u32>,
    count: usize,
    /// What was found last: segments come in bursts.
    last: u32,
}

impl Table {
    /// The most that numbers tell apart.
    pub const MOST: usize = Id::INDEX as usize;

    pub fn new(key: Key) -> Self {
        Self {
            key,
            slots: Vec::new(),
            free: NONE,
            buckets: vec![NONE; 16],
            count: 0,
            last: NONE,
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// Octets that connections take, without their buffers.
    pub fn memory(&self) -> usize {
        self.count * size_of::<Connection>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.buckets.len() * size_of::<u32>()
    }

    fn bucket(&self, flow: &Flow) -> usize {
        self.key.place(&flow.words()) as usize & (self.buckets.len() - 1)
    }

    pub fn find(&mut self, flow: &Flow) -> Option<u32> {
        let is_it = |c: &Connection| c.flow == *flow && c.state != State::Closed;
        if self.get(self.last).is_some_and(is_it) {
            return Some(self.last);
        }
        let mut at = self.buckets.get(self.bucket(flow)).copied()?;
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.connection.as_deref().is_some_and(is_it) {
                self.last = at;
                return Some(at);
            }
            at = slot.next;
        }
        None
    }

    pub fn get(&self, index: u32) -> Option<&Connection> {
        self.slots.get(index as usize)?.connection.as_deref()
    }

    pub fn get_mut(&mut self, index: u32) -> Option<&mut Connection> {
        self.slots
            .get_mut(index as usize)?
            .connection
            .as_deref_mut()
    }

    /// The connection of a name, if that is not an old one.
    pub fn held(&self, id: Id) -> Option<u32> {
        let connection = self.get(id.index())?;
        (connection.id == id && !connection.orphaned).then(|| id.index())
    }

    /// The connection of a name, held or not.
    pub fn named(&self, id: Id) -> Option<u32> {
        (self.get(id.index())?.id == id).then(|| id.index())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots
            .iter()
            .filter_map(|slot| slot.connection.as_deref())
    }

    /// Takes a connection in; it gets its name. The flow must be new.
    pub fn insert(&mut self, mut connection: Box<Connection>) -> Option<u32> {
        if self.count >= self.buckets.len() {
            self.grow();
        }
        let bucket = self.bucket(&connection.flow);
        let index = if self.free == NONE {
            if self.slots.len() >= Self::MOST {
                return None;
            }
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        } else {
            self.free
        };
        let slot = self.slots.get_mut(index as usize)?;
        let head = self.buckets.get_mut(bucket)?;
        if self.free == index {
            self.free = slot.next;
        }
        slot.generation = slot.generation.wrapping_add(1);
        connection.id = Id::new(index, slot.generation);
        slot.connection = Some(connection);
        slot.next = std::mem::replace(head, index);
        self.count += 1;
        Some(index)
    }

    pub fn remove(&mut self, index: u32) -> Option<Box<Connection>> {
        let slot = self.slots.get_mut(index as usize)?;
        let connection = slot.connection.take()?;
        let next = std::mem::replace(&mut slot.next, self.free);
        self.free = index;
        self.count -= 1;
        let bucket = self.bucket(&connection.flow);
        let mut at = std::mem::replace(&mut self.buckets[bucket], next);
        if at != index {
            self.buckets[bucket] = at;
            while let Some(slot) = self.slots.get_mut(at as usize) {
                if slot.next == index {
                    slot.next = next;
                    break;
                }
                at = slot.next;
            }
        }
        Some(connection)
    }

    fn grow(&mut self) {
        self.buckets = vec![NONE; self.buckets.len() * 2];
        for index in 0..self.slots.len() {
            let Some(flow) = self.slots[index].connection.as_ref().map(|c| c.flow) else {
                continue;
            };
            let bucket = self.bucket(&flow);
            self.slots[index].next = std::mem::replace(&mut self.buckets[bucket], index as u32);
        }
    }
}
