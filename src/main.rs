//! The `tidegauge` command.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    tidegauge::cli::end(tidegauge::cli::run())
}
