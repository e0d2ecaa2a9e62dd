#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_console::editor::fuzz_keyboard(octets));
