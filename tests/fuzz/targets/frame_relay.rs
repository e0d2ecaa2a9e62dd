#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::frame_relay::fuzz_frame_relay(octets));
