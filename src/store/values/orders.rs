//! The bytes of a segment of order ids: a column for each fact, each of the differences to its least value, all as wide as
//! the largest needs. So one id is found without reading the others.

use tidegauge_windows::EventTime;

use super::StoredValue;
use crate::core::seen_orders::{OrderSegment, SeenOrder};
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId};
use crate::store::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};

/// What is stored of an [`OrderSegment`]: its key has the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct StoredOrders {
    pub(in crate::store) first: u64,
    pub(in crate::store) began: Option<EventTime>,
    pub(in crate::store) orders: Vec<SeenOrder>,
}

/// A stored segment that is read where it is.
pub(in crate::store) struct OrderColumns<'a> {
    first: u64,
    began: Option<EventTime>,
    len: usize,
    /// Amounts are multiples of 10 to this.
    scale: u32,
    kinds: Column<'a>,
    ids: Column<'a>,
    offsets: Column<'a>,
    event_times: Column<'a>,
    branches: Column<'a>,
    amounts: Column<'a>,
    clocks: Column<'a>,
}

/// Numbers: of each the difference to `base`, in `width` bytes.
struct Column<'a> {
    base: u128,
    width: usize,
    bytes: &'a [u8],
}

/// The first byte.
const FORMAT: u8 = 1;
/// The scales that are tried for amounts: whole ones, cents, and so on.
const SCALES: [u32; 5] = [18, 16, 12, 6, 0];

/// Writes `orders`, of a segment that begins after `first` ids.
pub(in crate::store) fn write_orders(
    first: u64,
    began: Option<EventTime>,
    orders: &[SeenOrder],
    encoder: &mut ByteEncoder,
) {
    encoder.byte(FORMAT);
    encoder.u64(first);
    began.write(encoder);
    encoder.u64(orders.len() as u64);
    let unit = |scale: u32| 10_i128.pow(scale);
    let divides = |scale: &u32| {
        let unit = unit(*scale);
        orders.iter().all(|order| order.amount.units() % unit == 0)
    };
    let scale = SCALES.into_iter().find(divides).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "at most 18")]
    encoder.byte(scale as u8);
    let mut column =
        |zero: u128, value: &dyn Fn(&SeenOrder) -> u128| write_column(orders, zero, value, encoder);
    column(0, &|order| u128::from(matches!(order.id, OrderId::Text(_))));
    column(SIGN, &|order| id_bits(order.id));
    column(SIGN_64, &|order| signed(order.offset));
    column(SIGN_64, &|order| signed(order.event_time.millis()));
    column(0, &|order| u128::from(order.branch.get()));
    column(SIGN, &|order| {
        (order.amount.units() / unit(scale)).cast_unsigned() ^ SIGN
    });
    column(SIGN_64, &|order| {
        order.clock.map_or(0, |clock| signed(clock.millis()) + 1)
    });
}

/// What zero is in columns of signed numbers.
const SIGN: u128 = 1 << 127;
const SIGN_64: u128 = 1 << 63;

fn id_bits(id: OrderId) -> u128 {
    match id {
        OrderId::Number(number) => number.cast_unsigned() ^ SIGN,
        OrderId::Text(bits) => bits,
    }
}

/// In the order of the numbers.
fn signed(number: i64) -> u128 {
    u128::from(number.cast_unsigned() ^ (1 << 63))
}

fn unsigned(number: u128) -> DecodeResult<i64> {
    let bits = u64::try_from(number).map_err(|_| Malformed)?;
    Ok((bits ^ (1 << 63)).cast_signed())
}

/// Bases are written as differences to `zero`, so that those near it are short.
fn write_column(
    orders: &[SeenOrder],
    zero: u128,
    value: &dyn Fn(&SeenOrder) -> u128,
    encoder: &mut ByteEncoder,
) {
    let base = orders.iter().map(value).min().unwrap_or_default();
    let most = orders.iter().map(value).max().unwrap_or_default() - base;
    let width = (u128::BITS - most.leading_zeros()).div_ceil(8) as usize;
    encoder.i128(base.wrapping_sub(zero).cast_signed());
    #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
    encoder.byte(width as u8);
    for order in orders {
        let difference = (value(order) - base).to_le_bytes();
        difference[..width]
            .iter()
            .for_each(|byte| encoder.byte(*byte));
    }
}

impl<'a> Column<'a> {
    fn read(decoder: &mut ByteDecoder<'a>, len: usize, zero: u128) -> DecodeResult<Self> {
        let base = decoder.i128()?.cast_unsigned().wrapping_add(zero);
        let width = usize::from(decoder.byte()?);
        if width > size_of::<u128>() {
            return Err(Malformed);
        }
        let bytes = decoder.bytes(len * width)?;
        Ok(Self { base, width, bytes })
    }

    fn get(&self, at: usize) -> DecodeResult<u128> {
        let mut difference = [0; 16];
        let bytes = self.bytes.get(at * self.width..(at + 1) * self.width);
        difference[..self.width].copy_from_slice(bytes.ok_or(Malformed)?);
        let difference = u128::from_le_bytes(difference);
        self.base.checked_add(difference).ok_or(Malformed)
    }

    /// The places of `value`.
    fn find(&self, value: u128, len: usize) -> impl Iterator<Item = usize> + '_ {
        let difference = value.wrapping_sub(self.base).to_le_bytes();
        let (low, high) = difference.split_at(self.width);
        let low: [u8; 16] = std::array::from_fn(|at| low.get(at).copied().unwrap_or_default());
        let is_in_range = value >= self.base && high.iter().all(|byte| *byte == 0);
        let width = self.width;
        let places =
            (0..len).filter(move |at| self.bytes[at * width..(at + 1) * width] == low[..width]);
        places.take_while(move |_| is_in_range)
    }
}

impl<'a> OrderColumns<'a> {
    /// Reads the columns of `bytes`, without the values in them.
    pub(in crate::store) fn read(bytes: &'a [u8]) -> DecodeResult<Self> {
        ByteDecoder::all(bytes, Self::decode)
    }

    fn decode(decoder: &mut ByteDecoder<'a>) -> DecodeResult<Self> {
        decoder.format(FORMAT)?;
        let first = decoder.u64()?;
        let began = Option::read(decoder)?;
        let len = usize::try_from(decoder.u64()?).map_err(|_| Malformed)?;
        if len > OrderSegment::LEN_MAX {
            return Err(Malformed);
        }
        let scale = u32::from(decoder.byte()?);
        if scale > Amount::SCALE {
            return Err(Malformed);
        }
        Ok(Self {
            first,
            began,
            len,
            scale,
            kinds: Column::read(decoder, len, 0)?,
            ids: Column::read(decoder, len, SIGN)?,
            offsets: Column::read(decoder, len, SIGN_64)?,
            event_times: Column::read(decoder, len, SIGN_64)?,
            branches: Column::read(decoder, len, 0)?,
            amounts: Column::read(decoder, len, SIGN)?,
            clocks: Column::read(decoder, len, SIGN_64)?,
        })
    }

    /// Gives each payment with `id`, with its number among the ids of the partition.
    pub(in crate::store) fn find(
        &self,
        id: OrderId,
        found: &mut dyn FnMut(u64, SeenOrder),
    ) -> DecodeResult<()> {
        for at in self.ids.find(id_bits(id), self.len) {
            let order = self.order(at)?;
            if order.id == id {
                found(self.first + at as u64, order);
            }
        }
        Ok(())
    }

    /// Gives each id.
    pub(in crate::store) fn ids(&self, each: &mut dyn FnMut(OrderId)) -> DecodeResult<()> {
        for at in 0..self.len {
            each(self.id(at)?);
        }
        Ok(())
    }

    fn id(&self, at: usize) -> DecodeResult<OrderId> {
        let bits = self.ids.get(at)?;
        match self.kinds.get(at)? {
            0 => Ok(OrderId::Number((bits ^ SIGN).cast_signed())),
            1 => Ok(OrderId::Text(bits)),
            _ => Err(Malformed),
        }
    }

    fn order(&self, at: usize) -> DecodeResult<SeenOrder> {
        let branch = u32::try_from(self.branches.get(at)?).map_err(|_| Malformed)?;
        let amount = (self.amounts.get(at)? ^ SIGN).cast_signed();
        let amount = amount
            .checked_mul(10_i128.pow(self.scale))
            .ok_or(Malformed)?;
        let time = |millis| unsigned(millis).map(EventTime::from_millis);
        Ok(SeenOrder {
            id: self.id(at)?,
            offset: unsigned(self.offsets.get(at)?)?,
            event_time: time(self.event_times.get(at)?)?,
            branch: BranchId::from_bits(branch),
            amount: Amount::from_units(amount),
            clock: match self.clocks.get(at)?.checked_sub(1) {
                Some(clock) => Some(time(clock)?),
                None => None,
            },
        })
    }
}

impl StoredValue for StoredOrders {
    fn write(&self, encoder: &mut ByteEncoder) {
        write_orders(self.first, self.began, &self.orders, encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let columns = OrderColumns::decode(decoder)?;
        let orders = (0..columns.len).map(|at| columns.order(at));
        Ok(Self {
            first: columns.first,
            began: columns.began,
            orders: orders.collect::<DecodeResult<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
