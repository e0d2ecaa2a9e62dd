#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    wanbox_net_services::fuzz_login(octets);
    wanbox_net_services::fuzz_services(std::time::Instant::now(), octets);
});
