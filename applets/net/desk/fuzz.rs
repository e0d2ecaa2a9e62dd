//! For fuzzing: whatever is typed at a console.

use std::time::{Duration, Instant};

use wanbox_net_commands::fake::Process;
use wanbox_net_engine::Station;
use wanbox_net_services::Services;

use crate::console::{MOST_CONSOLES, MOST_TYPED};
use crate::{ConsoleId, Desk, Kind};

/// A desk with a station whose numbers are the same each time.
pub(crate) fn desk(now: Instant) -> Desk {
    let mut number = 1u64;
    let entropy = move || {
        number = number
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        number
    };
    let station = Station::new(now, 1_000_000_000_000, Box::new(entropy));
    Desk::new(station, Services::default())
}

/// The most that waits to be shown after a few lines typed.
const MOST_OUTPUT: usize = 4 << 20;

/// Octets typed at a terminal that was told `start echo`, in pieces between which time passes; the first octet says
/// how long they are. Nothing panics, and what is kept is bounded.
pub fn fuzz_desk(now: Instant, octets: &[u8]) {
    let mut process = Process::default();
    let file = b"hostname fuzz\nsource f\nfkey 1 \"telnet 127.0.0.1 7\\r\"\n".to_vec();
    process.files.borrow_mut().insert("f".to_owned(), file);
    let mut desk = desk(now);
    let Ok(id) = desk.open(Kind::Terminal) else {
        return;
    };
    desk.startup(
        now,
        &mut process,
        id,
        "start echo\nip address 44.0.0.1\n",
        false,
    );
    let (size, octets) = octets.split_first().unwrap_or((&1, octets));
    let mut now = now;
    for piece in octets.chunks(usize::from(*size).max(1)) {
        desk.input(now, &mut process, id, piece);
        desk.after(now, &mut process);
        for _ in 0..4 {
            let Some(due) = desk.poll_timeout() else {
                break;
            };
            now = now.max(due.min(now + Duration::from_secs(5)));
            desk.handle_timeout(now, &mut process);
            desk.after(now, &mut process);
        }
        let waits = desk.output(id).len();
        assert!(waits <= MOST_OUTPUT, "what waits to be shown is bounded");
        assert!(
            desk.console(id)
                .is_none_or(|console| console.typed.len() <= MOST_TYPED)
        );
        assert!(desk.consoles().count() <= MOST_CONSOLES);
        desk.written(id, waits);
        process.lines.sent.clear();
        for (console, _) in std::mem::take(&mut process.shells) {
            desk.shell_output(ConsoleId(console), b"\x1b[1mdone\n");
            desk.shell_done(now, &mut process, ConsoleId(console), 0);
        }
    }
    desk.close(now, id);
    desk.after(now, &mut process);
}
