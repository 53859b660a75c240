// Writes a FileDescriptorSet with every file that the named messages need, in the order in which they depend on each
// other. Usage: envoy-types TYPE... >FILE
package main

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := 0; i < file.Imports().Len(); i++ {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	for _, name := range os.Args[1:] {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			fail("Cannot find type %q: correct types.txt (%v)", name, err)
		}
		add(found.ParentFile())
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		fail("Cannot encode the descriptors: %v", err)
	}
	os.Stdout.Write(bytes)
}

func fail(format string, details ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", details...)
	os.Exit(1)
}
