#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_engine::trace::fuzz_packet_text(octets));
