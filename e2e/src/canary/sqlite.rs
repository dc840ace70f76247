//! What of a database's file holds nothing any more: free pages, and space inside of pages. Only
//! as much of the format is read here as is needed for that (<https://sqlite.org/fileformat2.html>).

/// Pages on the list of free ones.
pub(super) fn free_pages(file: &[u8]) -> Vec<u8> {
    let Some(size) = page_size(file) else { return Vec::new() };
    let (mut all, mut trunk) = (Vec::new(), number(file, 32));
    let pages = file.len() / size;
    // Each page is on the list once; a damaged list must not be followed for ever.
    for _ in 0..pages {
        let Some(page) = page(file, size, trunk) else { break };
        let leaves = number(page, 4) as usize;
        for leaf in 0..leaves.min(size / 4) {
            all.extend_from_slice(
                self::page(file, size, number(page, 8 + 4 * leaf)).unwrap_or(&[]),
            );
        }
        // The trunk's own numbers end here.
        all.extend_from_slice(page.get(8 + 4 * leaves..).unwrap_or(&[]));
        trunk = number(page, 0);
    }
    all
}

/// The space between the cells of each page of a table or an index, and what is beyond its end.
pub(super) fn slack(file: &[u8]) -> Vec<u8> {
    let Some(size) = page_size(file) else { return Vec::new() };
    let mut all = Vec::new();
    for (index, page) in file.chunks_exact(size).enumerate() {
        let head = if index == 0 { 100 } else { 0 };
        let children = match page[head] {
            2 | 5 => 12,
            10 | 13 => 8,
            // No page of a tree: an overflow, or free.
            _ => continue,
        };
        let cells = half(page, head + 3);
        let content = match half(page, head + 5) {
            0 => 65_536,
            start => start,
        };
        all.extend_from_slice(page.get(head + children + 2 * cells..content).unwrap_or(&[]));
        let mut free = half(page, head + 1);
        for _ in 0..size / 4 {
            if free == 0 {
                break;
            }
            let length = half(page, free + 2);
            all.extend_from_slice(page.get(free + 4..free + length).unwrap_or(&[]));
            free = half(page, free);
        }
    }
    all.extend_from_slice(file.chunks_exact(size).remainder());
    all
}

fn page_size(file: &[u8]) -> Option<usize> {
    if !file.starts_with(b"SQLite format 3\0") {
        return None;
    }
    match half(file, 16) {
        1 => Some(65_536),
        size if size >= 512 => Some(size),
        _ => None,
    }
}

fn page(file: &[u8], size: usize, which: u32) -> Option<&[u8]> {
    let start = (which as usize).checked_sub(1)? * size;
    file.get(start..start + size)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_be_bytes)
}

fn half(bytes: &[u8], at: usize) -> usize {
    let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    two.map_or(0, |two| usize::from(u16::from_be_bytes(two)))
}
