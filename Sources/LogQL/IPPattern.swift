/// The argument of `ip("…")`: one address, a CIDR block or a range `a-b`, as an inclusive span of one family.
public struct IPPattern: Hashable, Sendable {
    /// The pattern as written.
    public var text: Text
    public var low: IPAddress
    public var high: IPAddress

    /// Unchecked, for trees made by hand; `IPPattern.init(parsing:)` reads text.
    public init(text: Text, low: IPAddress, high: IPAddress) {
        self.text = text
        self.low = low
        self.high = high
    }

    /// True if the address is of the same family and within the span.
    public func contains(_ address: IPAddress) -> Bool {
        address.isV6 == low.isV6 && low.value <= address.value && address.value <= high.value
    }
}

/// An IPv4 or IPv6 address as a number.
public struct IPAddress: Hashable, Sendable {
    public var isV6: Bool
    public var value: UInt128

    public init(isV6: Bool, value: UInt128) {
        self.isV6 = isV6
        self.value = value
    }
}
