#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_commands::fuzz_station_commands(
    std::time::Instant::now(),
    octets
));
