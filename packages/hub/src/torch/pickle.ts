import { PickleBytes } from "./bytes.js";
import { type PickleOptions, PickleStack } from "./pickle-stack.js";
import type { PickleValue } from "./pickle-value.js";

/**
 * Reads one pickle (Python's `pickle`, protocols 2 to 5, as `torch.save` writes them). It is data here: names are
 * looked up in the host's closed list, and no code is loaded or run whatever the file says. What the list does not have
 * is refused by its name, with the arguments it was to be called with, or kept as those words.
 *
 * @param start where the pickle begins (default 0)
 * @returns the value, and where in `bytes` the pickle ended
 * @throws SitError "bad-file"
 */
export function readPickle<T>(
  bytes: Uint8Array,
  { start = 0, ...options }: PickleOptions<T> & { readonly start?: number },
): { value: PickleValue<T>; end: number } {
  const input = new PickleBytes(bytes, start, options.source);
  const stack = new PickleStack(options, bytes.length - start);
  for (;;) {
    const at = input.position;
    const opcode = input.uint8();
    switch (opcode) {
      case 0x80: {
        const protocol = input.uint8(); // PROTO
        if (protocol < 2 || protocol > 5) stack.fail(`expected a pickle of protocol 2 to 5, got ${protocol}`);
        break;
      }
      case 0x95: // FRAME: how much follows, which the bytes say themselves
        input.uint64();
        break;
      case 0x2e: {
        const value = stack.last(); // STOP
        return { value, end: input.position };
      }
      case 0x28:
        stack.pushMark();
        break;
      case 0x30: // POP
        stack.drop();
        break;
      case 0x31: // POP_MARK
        stack.popToMark();
        break;
      case 0x32: // DUP
        stack.push(stack.top());
        break;
      case 0x4e:
        stack.push(null);
        break;
      case 0x88:
        stack.push(true);
        break;
      case 0x89:
        stack.push(false);
        break;
      case 0x4a:
        stack.push(input.int32());
        break;
      case 0x4b:
        stack.push(input.uint8());
        break;
      case 0x4d:
        stack.push(input.uint16());
        break;
      case 0x8a: // LONG1
        stack.push(input.long(input.uint8()));
        break;
      case 0x8b: // LONG4
        stack.push(input.long(input.uint32()));
        break;
      case 0x47:
        stack.push(input.float64());
        break;
      case 0x58: // BINUNICODE
        stack.push(input.text(input.uint32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(input.text(input.uint8()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(input.text(input.uint64()));
        break;
      case 0x54: // BINSTRING of Python 2
        stack.push(input.latin1(input.uint32()));
        break;
      case 0x55: // SHORT_BINSTRING
        stack.push(input.latin1(input.uint8()));
        break;
      case 0x42: // BINBYTES
        stack.push(input.bytes(input.uint32()));
        break;
      case 0x43: // SHORT_BINBYTES
        stack.push(input.bytes(input.uint8()));
        break;
      case 0x8e: // BINBYTES8
        stack.push(input.bytes(input.uint64()));
        break;
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        break;
      case 0x7d:
        stack.push(new Map());
        break;
      case 0x8f:
        stack.push(new Set());
        break;
      case 0x85: // TUPLE1
        stack.push([stack.pop()]);
        break;
      case 0x86: {
        const second = stack.pop(); // TUPLE2
        stack.push([stack.pop(), second]);
        break;
      }
      case 0x87: {
        const third = stack.pop(); // TUPLE3
        const second = stack.pop();
        stack.push([stack.pop(), second, third]);
        break;
      }
      case 0x74: // TUPLE
      case 0x6c: // LIST
        stack.push(stack.popToMark());
        break;
      case 0x64: {
        const items = stack.popToMark(); // DICT
        stack.push(new Map());
        stack.setItems(items);
        break;
      }
      case 0x61: // APPEND
        stack.append([stack.pop()]);
        break;
      case 0x65: // APPENDS
        stack.append(stack.popToMark());
        break;
      case 0x73: {
        const value = stack.pop(); // SETITEM
        const key = stack.pop();
        stack.setItems([key, value]);
        break;
      }
      case 0x75: // SETITEMS
        stack.setItems(stack.popToMark());
        break;
      case 0x90:
        stack.addItems(stack.popToMark());
        break;
      case 0x63: {
        const module = input.line(); // GLOBAL
        stack.global(module, input.line());
        break;
      }
      case 0x93: {
        const name = stack.pop(); // STACK_GLOBAL
        const module = stack.pop();
        stack.global(module, name);
        break;
      }
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        stack.call(stack.pop());
        break;
      case 0x92: {
        const named = stack.pop(); // NEWOBJ_EX
        stack.call(stack.pop(), [named]);
        break;
      }
      case 0x62: // BUILD
        stack.build(stack.pop());
        break;
      case 0x51: // BINPERSID
        stack.push(options.host.persistent(stack.pop()));
        break;
      case 0x71:
        stack.remember(input.uint8());
        break;
      case 0x72:
        stack.remember(input.uint32());
        break;
      case 0x94:
        stack.remember();
        break;
      case 0x68:
        stack.recall(input.uint8());
        break;
      case 0x6a:
        stack.recall(input.uint32());
        break;
      default:
        stack.fail(
          `refused, since its pickle has opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at}`,
        );
    }
  }
}
