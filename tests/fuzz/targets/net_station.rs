#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_engine::fuzz::fuzz_station(
    std::time::Instant::now(),
    octets
));
