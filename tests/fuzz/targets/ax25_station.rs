#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_ax25::fuzz::fuzz_ax25_station(
    std::time::Instant::now(),
    octets
));
