//! Messages that wait until an application reads them.

use std::collections::VecDeque;

/// A bounded queue of messages in one ring of octets.
///
/// Frames from the line fill it up to [`Queue::FRAMES`] octets; the room behind that is for
/// answers and news, which are fewer and must not be lost for frames' sake.
#[derive(Debug, Default)]
pub struct Queue {
    octets: VecDeque<u8>,
    messages: VecDeque<Waiting>,
    news: usize,
}

/// A message in the ring.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    octets: u32,
    /// It is an answer or a piece of news.
    news: bool,
}

impl Queue {
    /// Octets of messages with frames that wait at most.
    pub const FRAMES: usize = 256 * 1024;
    /// Octets kept free for other messages.
    const RESERVE: usize = 16 * 1024;

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Octets that wait.
    pub fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Messages that wait.
    pub fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Answers and news among them.
    pub fn news(&self) -> usize {
        self.news
    }

    /// Adds a message with a frame. `false`: there is no room for it.
    pub fn push_frame(&mut self, header: &[u8], payload: &[u8]) -> bool {
        self.push(header, payload, false)
    }

    /// Adds another message. `false`: there is no room even for those.
    pub fn push_news(&mut self, header: &[u8], payload: &[u8]) -> bool {
        self.push(header, payload, true)
    }

    fn push(&mut self, header: &[u8], payload: &[u8], news: bool) -> bool {
        let limit = Self::FRAMES + if news { Self::RESERVE } else { 0 };
        let octets = header.len() + payload.len();
        let Ok(length) = u32::try_from(octets) else {
            return false;
        };
        if self.octets.len() + octets > limit {
            return false;
        }
        self.octets.extend(header);
        self.octets.extend(payload);
        self.messages.push_back(Waiting {
            octets: length,
            news,
        });
        self.news += usize::from(news);
        true
    }

    /// The oldest message, in the two pieces that the ring has it in.
    pub fn front(&self) -> Option<[&[u8]; 2]> {
        let length = self.messages.front()?.octets as usize;
        let (first, second) = self.octets.as_slices();
        let here = length.min(first.len());
        Some([first.get(..here)?, second.get(..length - here)?])
    }

    /// Takes the oldest message away.
    pub fn pop(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            let octets = message.octets as usize;
            self.octets.drain(..octets.min(self.octets.len()));
            self.news -= usize::from(message.news);
        }
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(queue: &Queue) -> Option<Vec<u8>> {
        queue.front().map(|pieces| pieces.concat())
    }

    #[test]
    fn messages_come_out_as_they_went_in_round_and_round() {
        let mut queue = Queue::default();
        assert_eq!(front(&queue), None);
        let message = |n: u32| n.to_be_bytes().repeat(n as usize % 200 + 1);
        let mut out = 0;
        for n in 0..20_000 {
            let whole = message(n);
            let (head, rest) = whole.split_at(3);
            assert!(queue.push_frame(head, rest));
            while queue.messages() > n as usize % 90 {
                assert_eq!(front(&queue), Some(message(out)));
                queue.pop();
                out += 1;
            }
        }
        assert!(out > 19_000);
        queue.clear();
        assert!(queue.is_empty() && queue.octets() == 0);
        queue.pop();
        assert_eq!(front(&queue), None);
    }

    #[test]
    fn news_have_room_that_frames_do_not_take() {
        let mut queue = Queue::default();
        let frame = [7; 1000];
        while queue.push_frame(&frame, &[]) {}
        assert!(queue.octets() <= Queue::FRAMES && queue.octets() > Queue::FRAMES - 1000);
        let frames = queue.messages();
        while queue.push_news(&frame, &[]) {}
        assert_eq!(queue.news(), queue.messages() - frames);
        assert!(queue.news() >= 15);
        while queue.messages() > 5 {
            queue.pop();
        }
        assert_eq!(queue.news(), 5);
    }
}
