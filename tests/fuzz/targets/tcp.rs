#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_tcp::fuzz_tcp(std::time::Instant::now(), octets));
